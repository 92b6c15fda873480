package main

import (
	"math/big"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

// TestSingleTable has both files in one table, by the keys that the pipeline
// composes, and the busiest routes of an airport by the index.
func TestSingleTable(t *testing.T) {
	server := dynamotest.Start(t)
	dir, name := workspace(t), server.TableName(t)
	run(t, dir, server, "examples/pipelines/single_table.hcl", "table="+name)
	want := map[string]row{}
	for code, r := range airports(t) {
		r["pk"], r["sk"], r["kind"] = "AIRPORT#"+code, "AIRPORT", "airport"
		want["AIRPORT#"+code+"/AIRPORT"] = r
	}
	busy := map[string]int{}
	for _, c := range cells(t, filepath.Join(repository(t), "examples/data/flights.csv"))[1:] {
		count := numeric(t, c[2])
		r := row{"origin": c[0], "destination": c[1], "count": count, "pk": "AIRPORT#" + c[0], "sk": "FLIGHT#" + c[1], "kind": "flight"}
		if n, _ := new(big.Rat).SetString(string(count)); n.Cmp(big.NewRat(1000, 1)) >= 0 {
			r["busy_pk"], r["busy_sk"] = "BUSY#"+c[0], count
			busy[c[0]]++
		}
		want["AIRPORT#"+c[0]+"/FLIGHT#"+c[1]] = r
	}
	got := map[string]row{}
	for key, attributes := range server.ItemsBy(t, name, "pk", "sk") {
		got[key] = item(t, attributes)
	}
	equal(t, "single table", got, want)
	if busy["ATL"] < 10 {
		t.Fatalf("%d busy routes from ATL", busy["ATL"])
	}
	out, err := server.Client.Query(t.Context(), &dynamodb.QueryInput{
		TableName: &name, IndexName: aws.String("busy"), KeyConditionExpression: aws.String("busy_pk = :k"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":k": &types.AttributeValueMemberS{Value: "BUSY#ATL"}},
	})
	if err != nil || int(out.Count) != busy["ATL"] {
		t.Errorf("%+v, %v; want the %d routes from ATL", out, err, busy["ATL"])
	}
}

// TestFanOut has each airport in its country's table, and all in the archive.
func TestFanOut(t *testing.T) {
	server := dynamotest.Start(t)
	dir, prefix := workspace(t), server.TableName(t)
	run(t, dir, server, "examples/pipelines/fan_out.hcl", "prefix="+prefix)
	all, usa, abroad := airports(t), map[string]row{}, map[string]row{}
	for code, r := range all {
		if r["country"] == "USA" {
			usa[code] = r
		} else {
			abroad[code] = r
		}
	}
	if len(abroad) == 0 || len(usa) == 0 {
		t.Fatal("the airports are all of one country")
	}
	for suffix, want := range map[string]map[string]row{"-usa": usa, "-abroad": abroad, "-archive": all} {
		if got := table(t, server, prefix+suffix, "iata"); !reflect.DeepEqual(got, want) {
			t.Errorf("%s has %d items, want %d, or they differ", suffix, len(got), len(want))
		}
	}
}
