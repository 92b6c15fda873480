package standin

import (
	"fmt"
	"strconv"

	"github.com/dynapipe/dynapipe/internal/bench/dataset"
)

// pageBytes is how long a page gets before it is cut (AWS, "Paginating table
// query results": 1 MB).
const pageBytes = 1 << 20

// pages is a table as Scan answers it. Segment s of n has the pages s, s+n, ...
type pages struct {
	rows  int
	bytes int
	list  []page
}

type page struct {
	text  []byte // {"Items":[...],"Count":N,"ScannedCount":N
	items int
}

func newPages(rows int) *pages {
	p := &pages{rows: rows}
	text := []byte(nil)
	items := 0
	end := func() {
		text = fmt.Appendf(text, `],"Count":%d,"ScannedCount":%d`, items, items)
		p.list = append(p.list, page{text: text, items: items})
		p.bytes += len(text)
		text, items = nil, 0
	}
	for i := range rows {
		if items == 0 {
			text = append(make([]byte, 0, pageBytes+1<<10), `{"Items":[`...)
		} else {
			text = append(text, ',')
		}
		text = dataset.AppendItem(text, dataset.At(i))
		if items++; len(text) >= pageBytes {
			end()
		}
	}
	if items > 0 {
		end()
	}
	return p
}

// get is a page, and what follows its text. A page that there is not is empty.
func (p *pages) get(number, total int, consumed string) (page, []byte) {
	if number >= len(p.list) {
		return page{}, []byte(`{"Items":[],"Count":0,"ScannedCount":0` + consumed + `}`)
	}
	tail := []byte(consumed)
	if next := number + total; next < len(p.list) {
		tail = strconv.AppendInt(append(tail, `,"LastEvaluatedKey":{"id":{"S":"`...), int64(next), 10)
		tail = append(tail, `"}}`...)
	}
	return p.list[number], append(tail, '}')
}
