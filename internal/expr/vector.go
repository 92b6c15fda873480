package expr

import (
	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
)

// chunkRows is how many rows a loop goes through at a time: vectors of that
// many stay close to the processor, whatever the size of the batch.
const chunkRows = 512

// tag says what a row's place in a vector holds.
type tag uint8

const (
	isAbsent tag = iota
	isNull
	isFalse
	isTrue
	isString // in texts
	isNumber // in texts, as it was spelled
	isSmall  // in nums: computed
	isBinary // in texts
	isCell   // in texts: a list, map or set encoded as in an any column
	isValue  // in values: a list, map or set
	// isFailure: the expression at this point fails on the row, for the walk as
	// well, which says why.
	isFailure
	// isUndecided: only the walk knows.
	isUndecided
)

// vector is the values of one expression for the rows of a chunk. What a row
// does not use is stale.
type vector struct {
	tags   []tag
	texts  []string
	nums   []small
	values []attr.Value // made when first needed
}

func newVector(rows int) *vector {
	return &vector{tags: make([]tag, rows), texts: make([]string, rows), nums: make([]small, rows)}
}

// constantVector has one place that all rows read.
func constantVector(v attr.Value) *vector {
	out := newVector(1)
	out.store(0, v)
	return out
}

func (v *vector) setText(i int, t tag, text string) {
	v.tags[i] = t
	v.texts[i] = text
}

func (v *vector) setSmall(i int, n small) {
	v.tags[i] = isSmall
	v.nums[i] = n
}

func (v *vector) setBool(i int, is bool) {
	v.tags[i] = isFalse
	if is {
		v.tags[i] = isTrue
	}
}

// store sets a row to a value.
func (v *vector) store(i int, value attr.Value) {
	switch value.Kind() {
	case attr.Absent:
		v.tags[i] = isAbsent
	case attr.Null:
		v.tags[i] = isNull
	case attr.Bool:
		v.setBool(i, value.True())
	case attr.String:
		v.setText(i, isString, value.Text())
	case attr.Number:
		v.setText(i, isNumber, value.Text())
	case attr.Binary:
		v.setText(i, isBinary, value.Text())
	default:
		if v.values == nil {
			v.values = make([]attr.Value, len(v.tags))
		}
		v.tags[i] = isValue
		v.values[i] = value
	}
}

// storeCell sets a row to a value encoded as in an any column.
func (v *vector) storeCell(i int, cell string) {
	if kind, text, ok := attr.CellText(cell); ok {
		v.setText(i, textTag(kind), text)
		return
	}
	switch attr.CellKind(cell) {
	case attr.List, attr.Map, attr.StringSet, attr.NumberSet, attr.BinarySet:
		v.setText(i, isCell, cell)
	default:
		v.store(i, attr.Decode(cell))
	}
}

func textTag(kind attr.Kind) tag {
	if kind == attr.Number {
		return isNumber
	}
	return isString
}

// copy sets a row to what a place of another vector holds.
func (v *vector) copy(i int, from *vector, at int) {
	t := from.tags[at]
	v.tags[i] = t
	switch t {
	case isString, isNumber, isBinary, isCell:
		v.texts[i] = from.texts[at]
	case isSmall:
		v.nums[i] = from.nums[at]
	case isValue:
		v.store(i, from.values[at])
	}
}

// null reports absent and NULL, which expressions read as null.
func (t tag) null() bool { return t <= isNull }

// decided reports a value.
func (t tag) decided() bool { return t < isFailure }

// worse is the state of what needs both: it fails when one of them does.
func worse(a, b tag) tag {
	if a == isFailure || b == isFailure {
		return isFailure
	}
	return max(a, b)
}

// value is a place as a value, which is decided. It may share the memory of the
// batch and the machine.
func (m *machine) value(v *vector, i int) attr.Value {
	switch v.tags[i] {
	case isNull:
		return attr.NullValue()
	case isFalse, isTrue:
		return attr.BoolValue(v.tags[i] == isTrue)
	case isString:
		return attr.StringValue(v.texts[i])
	case isNumber:
		return attr.CheckedNumber(v.texts[i])
	case isSmall:
		return attr.CheckedNumber(m.spell(v.nums[i]))
	case isBinary:
		return attr.BinaryValue(v.texts[i])
	case isCell:
		return attr.Decode(v.texts[i])
	case isValue:
		return v.values[i]
	}
	return attr.Value{}
}

// machine is what it takes to run a program: one goroutine's.
type machine struct {
	batch *record.Batch
	base  int // the row of the batch that is the chunk's first

	regs  []*vector
	free  [][]int32 // selections that nobody uses
	limit int       // the longest text that the loops make

	// made is the texts that the loops made for this chunk. One that grows
	// beyond its capacity moves, and those made before stay where they are.
	made []byte

	// Room for what loops need while they run, taken and given back as a stack.
	argRoom   []argument
	argsUsed  int
	partRoom  []templatePart
	partsUsed int

	frame frame // of the walk of a part
	call  call
	args  []attr.Value
}

// maxMadeText bounds the texts of a chunk (promise 6). What would be made beyond
// it is left to the walk, a row at a time.
const maxMadeText = 8 << 20

// keptText is how much room for texts a machine keeps from batch to batch.
const keptText = 1 << 20

// text ends a text that was appended to m.made from start on.
func (m *machine) text(start int, made []byte) string {
	m.made = made
	return view(made[start:])
}

// tooLong reports a text of which the walk keeps account.
func (m *machine) tooLong(n int) bool { return n > m.limit || len(m.made) > maxMadeText }

// spell is a computed number as text.
func (m *machine) spell(n small) string {
	return m.text(len(m.made), n.append(m.made))
}

// borrow is an empty selection with room for a chunk.
func (m *machine) borrow() []int32 {
	if n := len(m.free); n > 0 {
		sel := m.free[n-1]
		m.free = m.free[:n-1]
		return sel[:0]
	}
	return make([]int32, 0, chunkRows)
}

func (m *machine) giveBack(sel []int32) { m.free = append(m.free, sel) }

// release forgets what belongs to the batch.
func (m *machine) release() {
	m.batch = nil
	m.frame.batch = nil
	for _, v := range m.regs {
		clear(v.texts)
		clear(v.values)
	}
	clear(m.args)
	if cap(m.made) > keptText {
		m.made = nil
	}
}
