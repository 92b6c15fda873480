package naive

import (
	"context"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// expressions are HCL expressions over row that go-cty evaluates.
type expressions struct {
	where, key, country, tier hcl.Expression
	functions                 map[string]function.Function
}

func newExpressions() (*expressions, error) {
	e := &expressions{functions: map[string]function.Function{"upper": stdlib.UpperFunc}}
	for text, into := range map[string]*hcl.Expression{
		`row.status == "active"`:                           &e.where,
		`"USER#${row.id}"`:                                 &e.key,
		`upper(row.country)`:                               &e.country,
		`row.balance * 1.19 > 12000 ? "gold" : "standard"`: &e.tier,
	} {
		parsed, diags := hclsyntax.ParseExpression([]byte(text), "naive.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			return nil, diags
		}
		*into = parsed
	}
	return e, nil
}

// apply gives nil for a row that is left out.
func (e *expressions) apply(header, row []string) (item, error) {
	values := make(map[string]cty.Value, len(row))
	for i, cell := range row {
		switch {
		case cell == "":
		case isNumber(header[i]):
			n, err := cty.ParseNumberVal(cell)
			if err != nil {
				return nil, err
			}
			values[header[i]] = n
		default:
			values[header[i]] = cty.StringVal(cell)
		}
	}
	ctx := &hcl.EvalContext{
		Variables: map[string]cty.Value{"row": cty.ObjectVal(values)},
		Functions: e.functions,
	}
	keep, diags := e.where.Value(ctx)
	if diags.HasErrors() {
		return nil, diags
	}
	if keep.False() {
		return nil, nil
	}
	out := recordToItem(header, row)
	for name, expression := range map[string]hcl.Expression{"pk": e.key, "country": e.country, "tier": e.tier} {
		v, diags := expression.Value(ctx)
		if diags.HasErrors() {
			return nil, diags
		}
		if v.Type() != cty.String {
			return nil, fmt.Errorf("%s is no string", name)
		}
		out[name] = &types.AttributeValueMemberS{Value: v.AsString()}
	}
	return out, nil
}

// csvWithExpressions writes active users with three attributes computed.
func csvWithExpressions(ctx context.Context, o Options) error {
	e, err := newExpressions()
	if err != nil {
		return err
	}
	return batchWrite(ctx, o, func(put func(item) error) error {
		return eachRecord(o.In, func(header, row []string) error {
			out, err := e.apply(header, row)
			if err != nil || out == nil {
				return err
			}
			return put(out)
		})
	})
}
