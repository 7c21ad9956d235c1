/* Written by proto/regenerate.sh. */
#pragma once
#include "bootstrap.pb-c.h"
#include "common.pb-c.h"
#include "events.pb-c.h"
#include "options.pb-c.h"
#include "runtimeinfo.pb-c.h"
#include "sandbox.pb-c.h"
#include "task.pb-c.h"
#include "ttrpc.pb-c.h"

static inline const ProtobufCMessageDescriptor *swiftrunc__bootstrap_params__type(void)
{
    return &swiftrunc__bootstrap_params__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__extension__type(void)
{
    return &swiftrunc__extension__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__bootstrap_result__type(void)
{
    return &swiftrunc__bootstrap_result__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__any__type(void)
{
    return &swiftrunc__any__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__timestamp__type(void)
{
    return &swiftrunc__timestamp__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__key_value__type(void)
{
    return &swiftrunc__key_value__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__mount__type(void)
{
    return &swiftrunc__mount__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__forward_request__type(void)
{
    return &swiftrunc__forward_request__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__envelope__type(void)
{
    return &swiftrunc__envelope__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__task_create__type(void)
{
    return &swiftrunc__task_create__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__task_io__type(void)
{
    return &swiftrunc__task_io__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__task_start__type(void)
{
    return &swiftrunc__task_start__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__task_delete__type(void)
{
    return &swiftrunc__task_delete__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__task_exit__type(void)
{
    return &swiftrunc__task_exit__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__task_event__type(void)
{
    return &swiftrunc__task_event__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__task_exec_added__type(void)
{
    return &swiftrunc__task_exec_added__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__task_exec_started__type(void)
{
    return &swiftrunc__task_exec_started__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__task_checkpointed__type(void)
{
    return &swiftrunc__task_checkpointed__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__runc_options__type(void)
{
    return &swiftrunc__runc_options__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__checkpoint_options__type(void)
{
    return &swiftrunc__checkpoint_options__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__process_details__type(void)
{
    return &swiftrunc__process_details__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__runtime_options__type(void)
{
    return &swiftrunc__runtime_options__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__runtime_info__type(void)
{
    return &swiftrunc__runtime_info__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__runtime_version__type(void)
{
    return &swiftrunc__runtime_version__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__platform_response__type(void)
{
    return &swiftrunc__platform_response__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__platform__type(void)
{
    return &swiftrunc__platform__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__task_request__type(void)
{
    return &swiftrunc__task_request__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__process_request__type(void)
{
    return &swiftrunc__process_request__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__create_task_request__type(void)
{
    return &swiftrunc__create_task_request__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__checkpoint_request__type(void)
{
    return &swiftrunc__checkpoint_request__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__kill_request__type(void)
{
    return &swiftrunc__kill_request__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__exec_request__type(void)
{
    return &swiftrunc__exec_request__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__resize_pty_request__type(void)
{
    return &swiftrunc__resize_pty_request__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__close_iorequest__type(void)
{
    return &swiftrunc__close_iorequest__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__update_request__type(void)
{
    return &swiftrunc__update_request__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__shutdown_request__type(void)
{
    return &swiftrunc__shutdown_request__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__pid_response__type(void)
{
    return &swiftrunc__pid_response__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__state_response__type(void)
{
    return &swiftrunc__state_response__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__delete_response__type(void)
{
    return &swiftrunc__delete_response__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__wait_response__type(void)
{
    return &swiftrunc__wait_response__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__process_info__type(void)
{
    return &swiftrunc__process_info__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__pids_response__type(void)
{
    return &swiftrunc__pids_response__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__stats_response__type(void)
{
    return &swiftrunc__stats_response__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__connect_response__type(void)
{
    return &swiftrunc__connect_response__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__request__type(void)
{
    return &swiftrunc__request__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__response__type(void)
{
    return &swiftrunc__response__descriptor;
}

static inline const ProtobufCMessageDescriptor *swiftrunc__status__type(void)
{
    return &swiftrunc__status__descriptor;
}
