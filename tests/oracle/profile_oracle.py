#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads a pprof profile with Google's protobuf library and checks that it is well formed.

usage: profile_oracle.py FILE    prints a summary; exit 1: not well formed, 77: no protobuf

The message types are built here from the format's description, not from the project's .proto, so a
wrong field number on either side shows.
"""

import gzip
import sys

try:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
except ImportError:
    print("protobuf is not installed: apt install python3-protobuf", file=sys.stderr)
    sys.exit(77)

INT64, UINT64, STRING, MESSAGE = 3, 4, 9, 11
OPTIONAL, REPEATED = 1, 3
MESSAGES = {
    "Profile": [("sample_type", 1, REPEATED, "ValueType"), ("sample", 2, REPEATED, "Sample"),
                ("location", 4, REPEATED, "Location"), ("function", 5, REPEATED, "Function"),
                ("string_table", 6, REPEATED, STRING), ("duration_nanos", 10, OPTIONAL, INT64),
                ("default_sample_type", 14, OPTIONAL, INT64)],
    "ValueType": [("type", 1, OPTIONAL, INT64), ("unit", 2, OPTIONAL, INT64)],
    "Sample": [("location_id", 1, REPEATED, UINT64), ("value", 2, REPEATED, INT64),
               ("label", 3, REPEATED, "Label")],
    "Label": [("key", 1, OPTIONAL, INT64), ("str", 2, OPTIONAL, INT64),
              ("num", 3, OPTIONAL, INT64)],
    "Location": [("id", 1, OPTIONAL, UINT64), ("line", 4, REPEATED, "Line")],
    "Line": [("function_id", 1, OPTIONAL, UINT64), ("line", 2, OPTIONAL, INT64)],
    "Function": [("id", 1, OPTIONAL, UINT64), ("name", 2, OPTIONAL, INT64),
                 ("system_name", 3, OPTIONAL, INT64), ("filename", 4, OPTIONAL, INT64)],
}


def profile_class():
    file = descriptor_pb2.FileDescriptorProto(name="p.proto", package="p", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, label, kind in fields:
            entry = message.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                entry.type = MESSAGE
                entry.type_name = ".p." + kind
            else:
                entry.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    descriptor = pool.FindMessageTypeByName("p.Profile")
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)


def unknown_fields(message):
    found = len(message.UnknownFields())
    for _, value in message.ListFields():
        if hasattr(value, "UnknownFields"):
            found += unknown_fields(value)
        elif hasattr(value, "__iter__") and not isinstance(value, (str, bytes)):
            found += sum(unknown_fields(v) for v in value if hasattr(v, "UnknownFields"))
    return found


def check(profile):
    strings = profile.string_table
    assert strings[0] == "", "the first string is not empty"
    functions = {f.id: f for f in profile.function}
    locations = {x.id: x for x in profile.location}
    assert 0 not in functions and 0 not in locations, "an id is 0"
    assert len(functions) == len(profile.function), "function ids repeat"
    assert len(locations) == len(profile.location), "location ids repeat"
    assert unknown_fields(profile) == 0, "fields that the format does not have"
    for function in profile.function:
        assert strings[function.name] and function.filename < len(strings)
    for location in profile.location:
        assert location.line and all(line.function_id in functions for line in location.line)
    for sample in profile.sample:
        assert len(sample.value) == len(profile.sample_type), "values do not match their types"
        assert sample.location_id and all(i in locations for i in sample.location_id)
        assert all(v >= 0 for v in sample.value)
        for label in sample.label:
            assert strings[label.key] and label.str < len(strings)


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    with gzip.open(sys.argv[1]) as file:
        profile = profile_class().FromString(file.read())
    check(profile)
    strings = profile.string_table
    for i, kind in enumerate(profile.sample_type):
        total = sum(s.value[i] for s in profile.sample)
        print(f"{strings[kind.type]}/{strings[kind.unit]} {total}")
    names = {f.id: strings[f.name] for f in profile.function}
    lines = {x.id: names[x.line[0].function_id] for x in profile.location}
    for sample in profile.sample:
        print(";".join(lines[i] for i in reversed(sample.location_id)), *sample.value)
    return 0


if __name__ == "__main__":
    sys.exit(main())
