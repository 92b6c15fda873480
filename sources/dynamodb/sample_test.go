package dynamodb

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/sources"
)

// A sample takes few units, whatever a filter leaves of its pages, and tells what
// reading all takes.
func TestSample(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 900)
	large := s.CreateTable(t, dynamotest.S("id"))
	var items []dynamotest.Item
	for i := range 60 {
		items = append(items, dynamotest.Item{
			"id": &types.AttributeValueMemberS{Value: fmt.Sprint(i)}, "x": &types.AttributeValueMemberS{Value: strings.Repeat("x", 50<<10)},
		})
	}
	s.Put(t, large, items...)
	for name, c := range map[string]struct {
		table, body string
		rows        int64
		items       int
		share       sources.Share
		most        float64 // units
	}{
		"all of it":         {table, "", 5000, 900, sources.Share{Part: 900, Whole: 900, Ended: true}, 20},
		"a part":            {table, "segments = 4", 100, 100, sources.Share{Part: 100, Whole: 900}, 4},
		"with its limit":    {table, "limit = 30", 5000, 30, sources.Share{Part: 30, Whole: 30, Most: 30, Ended: true}, 4},
		"limit beyond it":   {table, "limit = 300", 100, 100, sources.Share{Part: 100, Whole: 900, Most: 300}, 4},
		"filter":            {table, "filter = item.n < 0", 100, 0, sources.Share{Part: 100, Whole: 900}, 4},
		"query":             {table, `index = "by_group"` + "\n" + `key_condition = item.group == "g1"`, 50, 50, sources.Share{Part: 50}, 4},
		"query to its end":  {table, `key_condition = item.id == "007"`, 50, 1, sources.Share{Part: 1, Whole: 1, Ended: true}, 4},
		"large items":       {large, "", 5000, 0, sources.Share{}, 130}, // one page is 8 items of 50 KB
		"budget":            {table, "read_capacity = 7", 100, 100, sources.Share{Part: 100, Whole: 900, Budget: 7}, 4},
		"pages of one item": {table, "page_size = 1", 100, 100, sources.Share{Part: 100, Whole: 900, Requests: 900}, 4},
	} {
		var share sources.Share
		var got result
		t.Run(name, func(t *testing.T) {
			config := decoded(t, connection(s, ""), c.table, c.body).Sample(c.rows).(*Config)
			var of *source
			got = read(t, config, func(s *source) { of = s })
			if got.err != nil {
				t.Fatal(got.err)
			}
			share = of.Share()
		})
		units := 0.0
		for _, u := range got.meter.Capacity {
			units += u.Units
		}
		if units > c.most {
			t.Errorf("%s: the sample took %v units", name, units)
		}
		if c.table == large {
			if len(got.items) >= 60 || share.Part != float64(len(got.items)) {
				t.Errorf("%s: %d items were read, share %+v", name, len(got.items), share)
			}
			continue
		}
		if share.By == "" {
			t.Errorf("%s: by nothing", name)
		}
		if c.share.Requests == 0 {
			share.Requests = 0
		}
		share.By, share.Units = "", 0
		if len(got.items) != c.items || share != c.share {
			t.Errorf("%s: %d items, share %+v", name, len(got.items), share)
		}
	}
}

// What a scan takes is told within 5 % by a sample.
func TestSampleTellsUnits(t *testing.T) {
	s := dynamotest.Start(t)
	table := numbered(t, s, 900)
	for _, body := range []string{"", "consistent_read = true", "filter = item.n > 800"} {
		config := decoded(t, connection(s, ""), table, body)
		all, took := read(t, config), 0.0
		for _, c := range all.meter.Capacity {
			took += c.Units
		}
		var of *source
		read(t, config.Sample(300).(*Config), func(s *source) { of = s })
		if share := of.Share(); share.Units < took*0.95-0.5 || share.Units > took*1.05+0.5 {
			t.Errorf("%q: %v units are told, and %v taken", body, share.Units, took)
		}
	}
	if share := of(t, decoded(t, connection(s, ""), table, "")).Share(); share.Whole != 0 {
		t.Errorf("a source that is no sample has the share %+v", share)
	}
}

func of(t *testing.T, c *Config) (s *source) {
	t.Helper()
	read(t, c, func(open *source) { s = open })
	return s
}
