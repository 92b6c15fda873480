package htmlreport

import (
	"cmp"
	"os"
	"slices"

	"github.com/dynapipe/dynapipe/engine"
)

// maxReasons bounds how many reasons are told apart.
const maxReasons = 100

// reason is why rows were rejected.
type reason struct {
	Node, Code string
	Count      int64
}

// rejects counts a run's rejected rows by node and code, the most frequent
// first, from its dead letter. other is how many the file does not tell of: it
// may be a device, or have been moved away, and the page is written all the same.
func rejects(r *engine.Report) (reasons []reason, other int64) {
	if r.Rejects == 0 {
		return nil, 0
	}
	found := map[reason]int64{}
	other = r.Rejects
	if info, err := os.Stat(r.DeadLetter); err == nil && info.Mode().IsRegular() {
		for line, err := range engine.DeadLetterLines(r.DeadLetter) {
			if err != nil {
				break
			}
			k := reason{Node: line.Node, Code: line.Code}
			if _, known := found[k]; line.Run != r.Run || !known && len(found) == maxReasons {
				continue
			}
			found[k]++
			other--
		}
	}
	for k, n := range found {
		k.Count = n
		reasons = append(reasons, k)
	}
	slices.SortFunc(reasons, func(a, b reason) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Code, b.Code))
	})
	return reasons, max(other, 0)
}
