package pipetest

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/dynapipe/dynapipe/engine"
	"github.com/dynapipe/dynapipe/internal/attr"
)

// readRejects is the rows that a run rejected.
func readRejects(path string) (rejects []engine.DeadLetterLine, err error) {
	for line, err := range engine.DeadLetterLines(path) {
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, err
		}
		rejects = append(rejects, line)
	}
	return rejects, nil
}

// rejected holds the rejected rows against those that were expected. Each counts
// for the first block that it fits.
func (t *Test) rejected(r *Result, rejects []engine.DeadLetterLine) {
	counts := make([]int64, len(t.rejects))
	for _, line := range rejects {
		i := 0
		for i < len(t.rejects) && !t.rejects[i].fits(line) {
			i++
		}
		if i < len(t.rejects) {
			counts[i]++
			continue
		}
		message := fmt.Sprintf("%s rejected a row, which no reject block expects: %s: %s", line.Node, line.Code, line.Message)
		r.fail(Failure{Kind: Rejected, Node: line.Node, Line: t.Line, Message: message, Row: content(line)})
	}
	for i, x := range t.rejects {
		switch {
		case x.counts && counts[i] != x.count:
			r.fail(Failure{Kind: NotRejected, Node: x.node, Line: x.at.Start.Line, Message: fmt.Sprintf("%d rows were rejected%s, not %d", counts[i], x.which(), x.count)})
		case !x.counts && counts[i] == 0:
			r.fail(Failure{Kind: NotRejected, Node: x.node, Line: x.at.Start.Line, Message: fmt.Sprintf("no row was rejected%s", x.which())})
		}
	}
}

func (x *rejectBlock) fits(line engine.DeadLetterLine) bool {
	return (x.node == "" || x.node == line.Node) && (x.code == "" || x.code == line.Code) && strings.Contains(line.Message, x.message)
}

// which says in words which rows a block means.
func (x *rejectBlock) which() string {
	text := ""
	if x.node != "" {
		text += " by " + x.node
	}
	if x.code != "" {
		text += " as " + x.code
	}
	if x.message != "" {
		text += fmt.Sprintf(" because of %q", x.message)
	}
	return text
}

// content is a rejected row as a test would write it, or what it was before it
// was a row.
func content(line engine.DeadLetterLine) string {
	if len(line.Item) > 0 {
		cell := append(append([]byte(`{"M":`), line.Item...), '}')
		if v, err := attr.ParseDynamoJSON(cell); err == nil {
			return Spell(v)
		}
	}
	return line.Raw
}
