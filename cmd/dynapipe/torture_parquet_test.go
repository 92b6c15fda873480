package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/diag"
	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

const tortureByParquet = `
variable "from" {}
pipeline {
  max_rejects = "100%%"
  dead_letter = "rejects.jsonl"
}
source "dynamodb" "from" {
  table = var.from
}
sink "file" "parquet" {
  from    = source.dynamodb.from
  path    = "items.parquet"
  columns = { pk = string, v = %s }
  strict  = true
}
`

// TestTortureByParquet takes as much of it through a Parquet file as a column of
// each type can hold, and reads the file with Arrow's reader. Every other row is
// rejected, and says why (promises 2 and 3).
func TestTortureByParquet(t *testing.T) {
	server := dynamotest.Start(t)
	from := server.CreateTable(t, dynamotest.S("pk"))
	edges := torture()
	for key, edge := range edges {
		item := dynamotest.Item{"pk": &S{Value: key}}
		if edge.v != nil {
			item["v"] = edge.v
		}
		server.Put(t, from, item)
	}
	for _, typ := range []string{"string", "number", "bool", "binary"} {
		t.Run(typ, func(t *testing.T) {
			dir := workspace(t)
			if err := os.WriteFile(filepath.Join(dir, "out.hcl"), fmt.Appendf(nil, tortureByParquet, typ), 0o666); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("dynapipe", "run", "out.hcl", "--var", "from="+from)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), server.Environ()...)
			out, err := cmd.CombinedOutput()
			if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != diag.ExitRejects {
				t.Fatalf("%v\n%s", err, out)
			}
			rejected := deadLetters(t, filepath.Join(dir, "rejects.jsonl"))
			for key, why := range rejected {
				if !strings.Contains(why, `"v"`) {
					t.Errorf("%s is rejected, and the reason names no attribute: %s", key, why)
				}
			}
			written := cellsByKey(t, filepath.Join(dir, "items.parquet"))
			if len(written)+len(rejected) != len(edges) {
				t.Errorf("%d rows written and %d rejected of %d", len(written), len(rejected), len(edges))
			}
			for key, edge := range edges {
				cell, isThere := written[key]
				if _, isRejected := rejected[key]; isRejected == isThere {
					t.Errorf("%s: written %v, rejected %v", key, isThere, isRejected)
				}
				if fits := fitsParquet(t, edge.v, typ); fits && !isThere {
					t.Errorf("%s is rejected: %s", key, rejected[key])
				}
				if isThere && !sameCell(t, cell, edge.v) {
					t.Errorf("%s is %.100v, was %T %.100v", key, cell, edge.v, edge.v)
				}
			}
		})
	}
}

// fitsParquet reports that a column of the type has to hold the value.
func fitsParquet(t *testing.T, v types.AttributeValue, typ string) bool {
	t.Helper()
	switch v := v.(type) {
	case nil:
		return true
	case *S:
		return typ == "string"
	case *N: // DECIMAL(38, 18)
		n, ok := new(big.Rat).SetString(v.Value)
		if !ok {
			t.Fatalf("%s is no number", v.Value)
		}
		n.Mul(n, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(18), nil)))
		return typ == "number" && n.IsInt() && len(strings.TrimPrefix(n.Num().String(), "-")) <= 38
	case *BOOL:
		return typ == "bool"
	case *B:
		return typ == "binary"
	}
	return false
}

// sameCell reports that a cell of the file is the value: nil for none. It may be
// the text of a number or a bool, or what a text says, which base64 is of bytes.
func sameCell(t *testing.T, cell any, v types.AttributeValue) bool {
	t.Helper()
	switch v := v.(type) {
	case nil:
		return cell == nil
	case *S:
		if binary, isBinary := cell.([]byte); isBinary {
			return base64.StdEncoding.EncodeToString(binary) == v.Value
		}
		return cell == v.Value || v.Value == "00123" && cell == "123."+strings.Repeat("0", 18)
	case *N:
		text, isText := cell.(string)
		return isText && numeric(t, text) == numeric(t, v.Value)
	case *BOOL:
		return cell == v.Value || cell == fmt.Sprint(v.Value)
	case *B:
		binary, isBinary := cell.([]byte)
		return isBinary && bytes.Equal(binary, v.Value)
	}
	return false // the file has no other types
}

// cellsByKey is the column v of a Parquet file by the column pk; a decimal as text.
func cellsByKey(t *testing.T, path string) map[string]any {
	t.Helper()
	cells := map[string]any{}
	eachRecord(t, path, func(r arrow.Record) {
		keys := r.Column(0).(*array.String)
		for i := range keys.Len() {
			cells[strings.Clone(keys.Value(i))] = cellAt(t, r.Column(1), i)
		}
	})
	return cells
}

func cellAt(t *testing.T, values arrow.Array, row int) any {
	t.Helper()
	if values.IsNull(row) {
		return nil
	}
	switch values := values.(type) {
	case *array.String:
		return strings.Clone(values.Value(row))
	case *array.Boolean:
		return values.Value(row)
	case *array.Binary:
		return bytes.Clone(values.Value(row))
	case *array.Decimal128:
		return values.Value(row).ToString(values.DataType().(*arrow.Decimal128Type).Scale)
	}
	t.Fatalf("a column of %s", values.DataType())
	return nil
}
