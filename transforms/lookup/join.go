package lookup

import (
	"fmt"
	"slices"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/record"
	"github.com/dynapipe/dynapipe/transforms"
)

// part is rows of a window that leave in one batch.
type part struct {
	*unit
	wishes []wish
	bytes  int64 // of the items
}

func (p *part) add(w wish, bytes int64) {
	p.wishes = append(p.wishes, w)
	p.bytes += bytes
}

// send joins the items to the rows and has them go on. What went before leaves
// first: the last part of a batch waits for nothing, so that a batch which is
// ahead of its turn makes room for the next one.
func (p *part) send() error {
	if len(p.out.Parts) > 0 {
		if err := p.out.Send(); err != nil {
			return err
		}
	}
	rows := make([]int, len(p.wishes))
	for i, w := range p.wishes {
		rows[i] = w.row
	}
	b := p.attributes(transforms.Keep(p.mem, p.in, rows))
	for i := range p.gets {
		if p.gets[i].flatten {
			var err error
			if b, err = p.flatten(b, i); err != nil {
				return err
			}
		}
	}
	p.out.Emit(b)
	p.wishes, p.bytes = p.wishes[:0], 0
	return nil
}

// attributes adds the items that become an attribute each. It takes b over.
func (p *part) attributes(b *record.Batch) *record.Batch {
	var columns []record.Column
	for i := range p.gets {
		if p.gets[i].flatten {
			continue
		}
		cells := make([][]byte, len(p.wishes))
		for j, w := range p.wishes {
			cells[j] = w.items[i].item()
		}
		columns = append(columns, attr.CellColumn(p.mem, p.gets[i].name, cells))
	}
	if columns == nil {
		return b
	}
	items := record.New(columns, nil, b.Origins())
	for _, c := range columns {
		c.Values.Release()
	}
	return p.join(b, items)
}

// join takes both batches over.
func (p *part) join(b, items *record.Batch) *record.Batch {
	defer b.Release()
	defer items.Release()
	return attr.Join(p.mem, b, items)
}

// flatten adds the attributes of the i-th get's items. Rows that have one of
// them with another value are rejected. It takes b over.
func (p *part) flatten(b *record.Batch, i int) (*record.Batch, error) {
	items, err := p.items(b, i)
	if err != nil {
		b.Release()
		return nil, err
	}
	var kept []int
	for row, w := range p.wishes {
		if name, clash := conflict(b, items, row); clash {
			p.out.Rejects = append(p.out.Rejects, p.reject(p.in, w.row, codeConflict, fmt.Sprintf(
				"get %q: the item has an attribute %q, and the row has it with another value: rename or drop it before, or leave flatten out",
				p.gets[i].name, name)))
			continue
		}
		kept = append(kept, row)
	}
	if len(kept) < len(p.wishes) {
		wishes := make([]wish, len(kept))
		for j, row := range kept {
			wishes[j] = p.wishes[row]
		}
		p.wishes = wishes
		b, items = p.pick(b, kept), p.pick(items, kept)
	}
	return p.join(b, items), nil
}

func (p *part) pick(b *record.Batch, rows []int) *record.Batch {
	defer b.Release()
	return attr.Select(p.mem, b, rows)
}

// items is the i-th get's items as rows; one that is not there is empty.
func (p *part) items(b *record.Batch, i int) (*record.Batch, error) {
	builder := attr.NewBuilder(p.mem)
	defer builder.Release()
	pos := b.Origins().Pos
	for row, w := range p.wishes {
		if item := w.items[i].item(); item != nil {
			if err := builder.AddItem(attr.ItemOf(item)); err != nil {
				return nil, err // it was read before
			}
		}
		builder.EndRow(pos[row])
	}
	return builder.Batch(b.Origins().Place), nil
}

// conflict is an attribute that a row has in both batches, with two values.
func conflict(b, items *record.Batch, row int) (name string, clash bool) {
	differs := func(name string, v attr.Value) bool {
		own := attr.Get(b, name, row)
		return own.Kind() != attr.Absent && !attr.Equal(own, v)
	}
	for i := range items.Columns() {
		c := items.Column(i)
		if _, there := b.Lookup(c.Name); !there && !b.HasOverflow() || c.Absent(row) {
			continue
		}
		if differs(c.Name, attr.At(c, row)) {
			return c.Name, true
		}
	}
	if !items.HasOverflow() {
		return "", false
	}
	fields := attr.Fields(items, row)
	i := slices.IndexFunc(fields, func(f attr.Field) bool { return differs(f.Name, f.Value) })
	if i < 0 {
		return "", false
	}
	return fields[i].Name, true
}
