package expr

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"

	"github.com/zclconf/go-cty/cty"

	"github.com/dynapipe/dynapipe/internal/attr"
)

// binaryType carries binaries through go-cty, which has none. It is the same
// for the life of the process, as capsule types are equal only to themselves.
var binaryType = cty.Capsule("binary", reflect.TypeFor[string]())

// FromCty is the attribute value of a go-cty value. Null is Absent; marks are
// dropped; what is not known yet is an error. No error says the value.
func FromCty(v cty.Value) (attr.Value, error) {
	v, _ = v.Unmark()
	switch ty := v.Type(); {
	case !v.IsKnown():
		return attr.Value{}, errors.New("the value is not known")
	case v.IsNull():
		return attr.Value{}, nil
	case ty == cty.String:
		return attr.StringValue(v.AsString()), nil
	case ty == cty.Number:
		return fromBigFloat(v.AsBigFloat())
	case ty == cty.Bool:
		return attr.BoolValue(v.True()), nil
	case ty.Equals(binaryType):
		return attr.BinaryValue(*v.EncapsulatedValue().(*string)), nil
	case ty.IsSetType():
		return fromSet(v)
	case ty.IsListType() || ty.IsTupleType():
		elems, err := fromElements(v)
		return attr.ListValue(elems), err
	case ty.IsMapType() || ty.IsObjectType():
		return fromMapping(v)
	default:
		return attr.Value{}, fmt.Errorf("a value of type %s can't be an attribute", ty.FriendlyName())
	}
}

// maxBinaryExponent is beyond that of every number in DynamoDB's range.
const maxBinaryExponent = 450

var errUnfit = errors.New("the number does not fit DynamoDB: 38 significant digits, between 1E-130 and 9.99E+125")

// fromBigFloat gives the shortest decimal that is that number: what was
// written, as go-cty's numbers have 512 bits.
func fromBigFloat(f *big.Float) (attr.Value, error) {
	if f.IsInf() {
		return attr.Value{}, errors.New("the number is infinite")
	}
	// To write out a number of a huge exponent takes minutes.
	if exponent := f.MantExp(nil); exponent > maxBinaryExponent || exponent < -maxBinaryExponent {
		return attr.Value{}, errUnfit
	}
	text := f.Text('g', -1)
	if attr.CheckNumber(text) != nil {
		return attr.Value{}, errUnfit
	}
	return attr.NumberValue(attr.CanonicalNumber(text))
}

func fromElements(v cty.Value) ([]attr.Value, error) {
	elems := make([]attr.Value, 0, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		elem, err := FromCty(e)
		if err != nil {
			return nil, err
		}
		elems = append(elems, elem)
	}
	return elems, nil
}

// fromSet makes a set of what DynamoDB has sets of, and a list of the rest:
// no set is empty or holds bools, lists or maps there.
func fromSet(v cty.Value) (attr.Value, error) {
	elems, err := fromElements(v)
	if err != nil {
		return attr.Value{}, err
	}
	kind := attr.List
	switch ty := v.Type().ElementType(); {
	case len(elems) == 0:
	case ty == cty.String:
		kind = attr.StringSet
	case ty == cty.Number:
		kind = attr.NumberSet
	case ty.Equals(binaryType):
		kind = attr.BinarySet
	}
	if kind == attr.List {
		return attr.ListValue(elems), nil
	}
	return attr.SetValue(kind, elems)
}

func fromMapping(v cty.Value) (attr.Value, error) {
	fields := make([]attr.Field, 0, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		elem, err := FromCty(e)
		if err != nil {
			return attr.Value{}, err
		}
		fields = append(fields, attr.Field{Name: k.AsString(), Value: elem})
	}
	return attr.MapValue(fields), nil
}

// ToCty is the go-cty value of an attribute value: lists as tuples, maps as
// objects, binaries in a capsule. go-cty keeps strings in NFC.
func ToCty(v attr.Value) (cty.Value, error) {
	switch v.Kind() {
	case attr.Absent, attr.Null:
		return cty.NullVal(cty.DynamicPseudoType), nil
	case attr.String:
		return cty.StringVal(v.Text()), nil
	case attr.Number:
		return cty.ParseNumberVal(v.Text())
	case attr.Bool:
		return cty.BoolVal(v.True()), nil
	case attr.Binary:
		bytes := v.Text()
		return cty.CapsuleVal(binaryType, &bytes), nil
	case attr.Map:
		return toObject(v)
	}
	elems := make([]cty.Value, len(v.Elems()))
	for i, e := range v.Elems() {
		elem, err := ToCty(e)
		if err != nil {
			return cty.NilVal, err
		}
		elems[i] = elem
	}
	if v.Kind() == attr.List {
		return cty.TupleVal(elems), nil
	}
	return cty.SetVal(elems), nil
}

func toObject(v attr.Value) (cty.Value, error) {
	fields := make(map[string]cty.Value, len(v.Fields()))
	for _, f := range v.Fields() {
		field, err := ToCty(f.Value)
		if err != nil {
			return cty.NilVal, err
		}
		fields[f.Name] = field
	}
	return cty.ObjectVal(fields), nil
}
