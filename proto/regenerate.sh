#!/bin/sh
# Writes Sources/CProto from the .proto files beside it. Needs protoc-c (protobuf-c-compiler).
# --check writes nothing and fails if Sources/CProto is not what the .proto files give.
#
# The .proto files say what is on the wire. What C is made of them is decided here:
# - A string is compiled as bytes (the same on the wire): a C string would end at the first NUL of what a client sent.
# - No names and no functions for each message. Each pointer in a descriptor is a relocation, and the page it is on is
#   private memory of every running shim.
set -eu
export LC_ALL=C
cd "$(dirname "$0")"

target=../Sources/CProto
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/proto" "$work/CProto/include"

for file in *.proto; do
    sed -e 's/\<string \([a-z_]* = [0-9]*;\)/bytes \1/' -e '/^package /a\
import "protobuf-c/protobuf-c.proto";\
option optimize_for = CODE_SIZE;\
option (pb_c_file).gen_pack_helpers = false;\
option (pb_c_file).gen_init_helpers = false;' "$file" >"$work/proto/$file"
done
# Of the protobuf compiler's own descriptor.proto, which is in another package, protobuf-c.proto needs this much.
mkdir -p "$work/proto/google/protobuf"
cat >"$work/proto/google/protobuf/descriptor.proto" <<'END'
syntax = "proto2";
package google.protobuf;
message FileOptions {
  enum OptimizeMode { SPEED = 1; CODE_SIZE = 2; LITE_RUNTIME = 3; }
  optional OptimizeMode optimize_for = 9;
  extensions 1000 to max;
}
message MessageOptions { extensions 1000 to max; }
message FieldOptions { extensions 1000 to max; }
END
(cd "$work/proto" && protoc-c --proto_path=. --proto_path=/usr/include --c_out=../CProto ./*.proto)
mv "$work"/CProto/*.h "$work/CProto/include/"

# Swift copies a constant when asked for its address, so a function gives it.
{
    echo '/* Written by proto/regenerate.sh. */'
    echo '#pragma once'
    (cd "$work/CProto/include" && printf '#include "%s"\n' *.pb-c.h)
    sed -n 's/^extern const ProtobufCMessageDescriptor \(.*\)__descriptor;$/\
static inline const ProtobufCMessageDescriptor *\1__type(void)\
{\
    return \&\1__descriptor;\
}/p' "$work"/CProto/include/*.pb-c.h
} >"$work/cproto.h"
mv "$work/cproto.h" "$work/CProto/include/cproto.h"
cat >"$work/CProto/include/module.modulemap" <<'END'
module CProto {
    header "cproto.h"
    export *
}
END

if [ "${1-}" = --check ]; then
    diff -r "$target" "$work/CProto"
else
    rm -rf "$target"
    cp -r "$work/CProto" "$target"
fi
