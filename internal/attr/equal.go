package attr

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// manyFields is where finding each of a map's names in turn costs more than
// sorting both maps.
const manyFields = 16

// Equal reports that two values are the same to DynamoDB: deeply, numbers by
// value, sets and maps without order, nothing converted. Absent equals nothing
// but Absent.
func Equal(a, b Value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case Bool:
		return a.flag == b.flag
	case Number:
		return a.text == b.text || CompareNumbers(a.text, b.text) == 0
	case List:
		return slices.EqualFunc(a.elems, b.elems, Equal)
	case StringSet, NumberSet, BinarySet:
		return len(a.elems) == len(b.elems) && bytes.Equal(KeyBytes(nil, a), KeyBytes(nil, b))
	case Map:
		return equalMaps(a, b)
	}
	return a.text == b.text
}

func equalMaps(a, b Value) bool {
	if len(a.fields) != len(b.fields) {
		return false
	}
	if len(a.fields) > manyFields {
		return slices.EqualFunc(a.Sorted(), b.Sorted(), func(x, y Field) bool {
			return x.Name == y.Name && Equal(x.Value, y.Value)
		})
	}
	for _, f := range a.fields {
		if !Equal(f.Value, b.Get(f.Name)) {
			return false
		}
	}
	return true
}

// KeyBytes appends bytes that are the same for two values exactly when they are
// Equal, and that stay so when several follow each other: the key of a row, or
// of a group.
func KeyBytes(dst []byte, v Value) []byte {
	dst = append(dst, byte(v.kind))
	switch v.kind {
	case Bool:
		if v.flag {
			return append(dst, 1)
		}
		return append(dst, 0)
	case Number:
		return appendNumberKey(dst, v.text)
	case List:
		dst = binary.AppendUvarint(dst, uint64(len(v.elems)))
		for _, e := range v.elems {
			dst = KeyBytes(dst, e)
		}
		return dst
	case StringSet, NumberSet, BinarySet:
		return appendSetKey(dst, v.elems)
	case Map:
		dst = binary.AppendUvarint(dst, uint64(len(v.fields)))
		for _, f := range v.Sorted() {
			dst = appendPrefixed(dst, f.Name)
			dst = KeyBytes(dst, f.Value)
		}
		return dst
	case String, Binary:
		return appendPrefixed(dst, v.text)
	}
	return dst
}

// StringKeyBytes is KeyBytes of a string.
func StringKeyBytes(dst []byte, text string) []byte {
	return appendPrefixed(append(dst, byte(String)), text)
}

func appendPrefixed(dst []byte, text string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(text)))
	return append(dst, text...)
}

func appendSetKey(dst []byte, elems []Value) []byte {
	keys := make([]string, len(elems))
	for i, e := range elems {
		keys[i] = string(KeyBytes(nil, e))
	}
	slices.SortFunc(keys, strings.Compare)
	dst = binary.AppendUvarint(dst, uint64(len(keys)))
	for _, k := range keys {
		dst = append(dst, k...)
	}
	return dst
}

// appendNumberKey appends a number's sign, exponent and digits, the same for
// every spelling of one value.
func appendNumberKey(dst []byte, text string) []byte {
	d, ok := scanDecimal(text)
	if !ok || d.digits == 0 {
		return append(dst, 0)
	}
	sign := byte(1)
	if d.neg {
		sign = 2
	}
	dst = append(dst, sign)
	dst = binary.AppendVarint(dst, int64(d.exponent))
	dst = binary.AppendUvarint(dst, uint64(d.digits))
	return appendDigits(dst, text, d)
}
