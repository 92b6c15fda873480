package dataset

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/dynapipe/dynapipe/internal/attr"
)

const some = 5000

func TestRowsAreAsDescribed(t *testing.T) {
	var text bytes.Buffer
	if err := WriteCSV(&text, some); err != nil {
		t.Fatal(err)
	}
	if perRow := text.Len() / some; perRow < 150 || perRow > 158 {
		t.Errorf("%d bytes a row", perRow)
	}
	for _, want := range []string{`""`, "it\nand", ", ", "東京"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in it", want)
		}
	}
	rows, err := csv.NewReader(&text).ReadAll()
	if err != nil || len(rows) != some+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	ids := map[string]bool{}
	for i, row := range rows[1:] {
		ids[row[0]] = true
		r := At(i)
		if want := []string{r.ID, r.Email, r.Name, r.Status, r.Balance, r.Created, r.Age, r.Country, strings.Join(r.Tags, "|"), r.Note}; !slices.Equal(row, want) {
			t.Fatalf("row %d is %q, want %q", i, row, want)
		}
	}
	if len(ids) != some {
		t.Errorf("%d different ids", len(ids))
	}
}

func TestEveryFormHoldsTheSameRow(t *testing.T) {
	for i := range 100 {
		r := At(i)
		var plain map[string]any
		d := json.NewDecoder(bytes.NewReader(AppendJSON(nil, r)))
		d.UseNumber()
		if err := d.Decode(&plain); err != nil {
			t.Fatal(err)
		}
		if len(plain) != len(columns) || plain["note"] != r.Note || plain["balance"] != json.Number(r.Balance) || len(plain["tags"].([]any)) != len(r.Tags) {
			t.Errorf("plain: %v", plain)
		}
		item, err := attr.ParseDynamoJSON(append(AppendItem([]byte(`{"M":`), r), '}'))
		if err != nil {
			t.Fatal(err)
		}
		if item.Get("balance").Text() != r.Balance || item.Get("note").Text() != r.Note || item.Get("tags").Kind() != attr.List {
			t.Errorf("item: %v", item)
		}
	}
}
