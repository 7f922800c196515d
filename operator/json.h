/* SPDX-License-Identifier: MIT */
/*
 * What the commands tell with --json: a line for each thing, an object whose "record" is its kind. The rows
 * below are the fields' one place: commands name fields by them, and xenpci(8) lists them. A field that is
 * not known of a thing is not there. X(field, "type", "what it is").
 */
#ifndef XENPCI_OPERATOR_JSON_H
#define XENPCI_OPERATOR_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#define JSON_CHECK(X) \
	X(host, "text", "the host's address") \
	X(vendor, "number", "id") \
	X(device, "number", "id") \
	X(name, "text", "of vendor and device, from pci.ids") \
	X(kind, "text", "what it is: PCIe endpoint, bridge, ...") \
	X(parent, "text", "the bridge above") \
	X(physical, "text", "whose virtual function it is") \
	X(guest, "number", "the domid of the guest that has it") \
	X(driver, "text", "of the host, that has it") \
	X(resets, "list of texts", "ways to reset it, first the one that is tried first") \
	X(withheld, "list of texts", "ways that are there but not offered") \
	X(msi, "flag", "it has MSI or MSI-X") \
	X(vectors, "number", "of its MSI-X table") \
	X(line, "number", "its interrupt line") \
	X(line_shared, "flag", "with the host, or another guest's device") \
	X(iommu, "flag", "Xen confines its DMA; not there where Xen does not tell") \
	X(refused, "list of texts", "names of the rules that stand against it") \
	X(overridden, "list of texts", "... of those that a setting lets it break") \
	X(texts, "list of texts", "all of these in words") \
	X(notes, "list of texts", "what to know besides") \
	X(assignable, "flag", "it may be given to a guest")

#define JSON_HELD(X) \
	X(host, "text", "the host's address") \
	X(name, "text", "that xl knows it by")

#define JSON_GIVEN(X) \
	X(domid, "number", "the guest") \
	X(guest, "text", "its name") \
	X(guest_address, "text", "where the guest sees it") \
	X(host, "text", "the host's address") \
	X(state, "text", "of the device, by name") \
	X(options, "text", "of the assignment")

#define JSON_CAPABILITY(X) \
	X(host, "text", "the host's address") \
	X(offset, "number", "where it begins") \
	X(id, "number", "of the capability") \
	X(extended, "flag", "it is one of those from 0x100 on") \
	X(name, "text", "of the capability; not there where it has none here")

#define JSON_MAP(X) \
	X(host, "text", "the host's address") \
	X(offset, "number", "the first of bytes that are alike: a register, or part of one") \
	X(width, "number", "how many bytes") \
	X(field, "text", "the register's name, or unlisted") \
	X(use, "text", "raw, ruled, kept, switch, named, unlisted, closed, virtual") \
	X(letter, "text", "of it") \
	X(open, "number", "a byte's bits that a guest can change in the device") \
	X(reads, "text", "the rule of reads") \
	X(writes, "text", "the rule of writes")

#define JSON_EXPLAIN(X) \
	X(host, "text", "the host's address") \
	X(offset, "number", "of the access") \
	X(width, "number", "of the access") \
	X(registers, "list of texts", "the registers that it touches") \
	X(rules, "list of texts", "their rules, of reads or of writes") \
	X(before, "number", "what a read gives") \
	X(value, "number", "that is written; not there for a read") \
	X(answer, "text", "the protocol's error by name, or success") \
	X(after, "number", "what a read gives after the write") \
	X(steps, "list of texts", "what is done to the device") \
	X(refused, "list of texts", "registers and bits that are refused") \
	X(remedies, "list of texts", "settings that would allow them")

/* X(kind, fields, what it is) */
#define JSON_RECORDS(X) \
	X(check, JSON_CHECK, "check: a device") \
	X(held, JSON_HELD, "assignable list: a device that is held for guests and free") \
	X(given, JSON_GIVEN, "list: a device that a guest has") \
	X(capability, JSON_CAPABILITY, "map: a capability of the device") \
	X(map, JSON_MAP, "map: bytes that are alike") \
	X(explain, JSON_EXPLAIN, "explain: an access")

enum json_record {
#define X(kind, fields, text) JSON_RECORD_##kind,
	JSON_RECORDS(X)
#undef X
};

#define JSON_CHECK_FIELD(name, type, text) JSON_check_##name,
#define JSON_HELD_FIELD(name, type, text) JSON_held_##name,
#define JSON_GIVEN_FIELD(name, type, text) JSON_given_##name,
#define JSON_CAPABILITY_FIELD(name, type, text) JSON_capability_##name,
#define JSON_MAP_FIELD(name, type, text) JSON_map_##name,
#define JSON_EXPLAIN_FIELD(name, type, text) JSON_explain_##name,
enum json_field {
	JSON_CHECK(JSON_CHECK_FIELD)
	JSON_HELD(JSON_HELD_FIELD)
	JSON_GIVEN(JSON_GIVEN_FIELD)
	JSON_CAPABILITY(JSON_CAPABILITY_FIELD)
	JSON_MAP(JSON_MAP_FIELD)
	JSON_EXPLAIN(JSON_EXPLAIN_FIELD)
};

/* A line that is being made. */
struct json {
	struct json_object *object;
	bool failed; /* no memory */
};

void json_begin(struct json *j, enum json_record record);
/* Bytes that are not printable ASCII come out as '?'; NULL and "" are left out. */
void json_text(struct json *j, enum json_field field, const char *text);
void json_number(struct json *j, enum json_field field, int64_t value);
void json_flag(struct json *j, enum json_field field, bool value);
/* One more text of a list. */
void json_item(struct json *j, enum json_field field, const char *text);
/* Prints the line. 0, or -1 having told why. */
int json_end(struct json *j);

#endif
