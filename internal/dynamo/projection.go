package dynamo

import (
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/dynapipe/dynapipe/internal/diag"
)

// ParseProjection reads the paths of a projection that stands at a place, and
// finds what DynamoDB would refuse: paths that overlap, or none at all.
func ParseProjection(texts []string, at hcl.Range) (paths []Path, diags hcl.Diagnostics) {
	for _, text := range texts {
		p, err := ParsePath(text)
		if err != nil {
			diags = append(diags, diag.Error(at, "Invalid attribute path", "%s.", err))
			continue
		}
		for _, q := range paths {
			if p.Overlaps(q) {
				diags = append(diags, diag.Error(at, "Overlapping paths", "%s and %s overlap, which DynamoDB refuses: keep the shorter one.", q, p))
			}
		}
		paths = append(paths, p)
	}
	if len(texts) == 0 {
		diags = append(diags, diag.Error(at, "Empty projection", "Name the attributes to read, or leave projection out to read them all."))
	}
	return paths, diags
}

// AppendProjection adds a ProjectionExpression of the paths, and the names that
// it uses, to the JSON object that dst ends in.
func AppendProjection(dst []byte, paths []Path) []byte {
	var names Placeholders
	texts := make([]string, len(paths))
	for i, p := range paths {
		texts[i] = p.Render(&names)
	}
	dst = append(dst, `,"ProjectionExpression":"`...)
	dst = append(dst, strings.Join(texts, ",")...) // placeholders: nothing to escape
	return names.Append(append(dst, '"'))
}
