package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
)

// TestCounters runs the example on the real airports and counts them again.
func TestCounters(t *testing.T) {
	server := dynamotest.Start(t)
	name := server.CreateTable(t, dynamotest.S("state"))
	server.Put(t, name, dynamotest.Item{"state": &types.AttributeValueMemberS{Value: "AK"}, "stale": &types.AttributeValueMemberBOOL{Value: true}})
	run(t, workspace(t), server, "examples/pipelines/counters.hcl", "table="+name)

	want := map[string]row{}
	for i, line := range cells(t, filepath.Join(repository(t), "examples/data/airports.csv")) {
		if i == 0 {
			continue
		}
		state := line[3]
		if state == "" {
			state = "none"
		}
		r := want[state]
		if r == nil {
			r = row{"state": state, "first": line[0], "airports": number("0"), "latitudes": number("0")}
			want[state] = r
		}
		r["airports"] = sum(t, r["airports"], "1")
		r["latitudes"] = sum(t, r["latitudes"], line[5])
	}
	equal(t, "counters", table(t, server, name, "state"), want)
}

func sum(t *testing.T, a any, b string) number {
	t.Helper()
	x, _ := new(big.Rat).SetString(string(a.(number)))
	y, _ := new(big.Rat).SetString(b)
	return number(x.Add(x, y).RatString())
}

// TestTransfers runs the example twice: the second run finds each transfer in
// the ledger or beyond the balance. Transactions that share an account go in the
// order of the file, so that the result is that of one after the other.
func TestTransfers(t *testing.T) {
	server := dynamotest.Start(t)
	accounts, ledger := server.CreateTable(t, dynamotest.S("account")), server.CreateTable(t, dynamotest.S("id"))
	balances, entries := map[string]row{}, map[string]row{}
	for i := range 10 { // the last two accounts are not there
		account := fmt.Sprintf("ACCOUNT-%02d", i+1)
		balances[account] = row{"account": account, "balance": number("500")}
		server.Put(t, accounts, dynamotest.Item{"account": &types.AttributeValueMemberS{Value: account}, "balance": &types.AttributeValueMemberN{Value: "500"}})
	}
	skipped := 0
	apply := func() {
		for i, line := range cells(t, filepath.Join(repository(t), "examples/data/transfers.csv")) {
			if i == 0 || entries[line[0]] != nil {
				continue
			}
			from, to := balances[line[1]], balances[line[2]]
			if from == nil || rat(t, from["balance"]).Cmp(rat(t, numeric(t, line[3]))) < 0 {
				skipped++
				continue
			}
			if to == nil {
				to = row{"account": line[2], "balance": number("0")}
				balances[line[2]] = to
			}
			from["balance"] = sum(t, from["balance"], "-"+line[3])
			to["balance"] = sum(t, to["balance"], line[3])
			entries[line[0]] = row{"id": line[0], "from": line[1], "to": line[2], "amount": numeric(t, line[3])}
		}
	}
	dir := workspace(t)
	for range 2 {
		run(t, dir, server, "examples/pipelines/transfer.hcl", "accounts="+accounts, "ledger="+ledger)
		apply()
		equal(t, "accounts", table(t, server, accounts, "account"), balances)
		equal(t, "ledger", table(t, server, ledger, "id"), entries)
	}
	if skipped == 0 || len(entries) < 100 {
		t.Errorf("%d transfers, %d skipped: the data shows little", len(entries), skipped)
	}
}

// TestExactlyOnce runs the example twice: the second run changes nothing.
func TestExactlyOnce(t *testing.T) {
	server := dynamotest.Start(t)
	totals, markers := server.CreateTable(t, dynamotest.S("account")), server.CreateTable(t, dynamotest.S("key"))
	want, transfers := map[string]row{}, 0
	for i, line := range cells(t, filepath.Join(repository(t), "examples/data/transfers.csv")) {
		if i == 0 {
			continue
		}
		r := want[line[1]]
		if r == nil {
			r = row{"account": line[1], "sent": number("0"), "transfers": number("0")}
			want[line[1]] = r
		}
		r["sent"], r["transfers"] = sum(t, r["sent"], line[3]), sum(t, r["transfers"], "1")
		transfers++
	}
	dir := workspace(t)
	for range 2 {
		run(t, dir, server, "examples/pipelines/exactly_once.hcl", "table="+totals, "markers="+markers)
		equal(t, "totals", table(t, server, totals, "account"), want)
		if n := len(server.Items(t, markers)); n != transfers {
			t.Errorf("%d markers of %d transfers", n, transfers)
		}
	}
}

func rat(t *testing.T, v any) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(string(v.(number)))
	if !ok {
		t.Fatalf("%v is no number", v)
	}
	return r
}

// TestNeverOverwriteNewer runs the conditional upsert over a table that has
// older and newer reports, and then the back-fill of their time to live.
func TestNeverOverwriteNewer(t *testing.T) {
	server := dynamotest.Start(t)
	name := server.CreateTable(t, dynamotest.S("id"))
	text, err := os.ReadFile(filepath.Join(repository(t), "examples/data/earthquakes.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Features []struct {
			ID         string
			Properties struct {
				Time, Updated int64
				Title, Status string
			}
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	want := map[string]row{}
	for i, f := range doc.Features {
		want[f.ID] = row{
			"id": f.ID, "at": numeric(t, fmt.Sprint(f.Properties.Time)), "updated_at": numeric(t, fmt.Sprint(f.Properties.Updated)),
			"title": f.Properties.Title, "status": f.Properties.Status,
		}
		if i%3 == 0 {
			continue
		}
		there := row{"id": f.ID, "at": numeric(t, "1000"), "updated_at": numeric(t, fmt.Sprint(f.Properties.Updated+int64(i%3*2-3))), "title": "there before"}
		if i%3 == 2 { // a newer one stays
			want[f.ID] = there
		}
		server.Put(t, name, dynamotest.Item{
			"id": &types.AttributeValueMemberS{Value: f.ID}, "at": &types.AttributeValueMemberN{Value: "1000"},
			"updated_at": &types.AttributeValueMemberN{Value: string(there["updated_at"].(number))}, "title": &types.AttributeValueMemberS{Value: "there before"},
		})
	}
	dir := workspace(t)
	run(t, dir, server, "examples/pipelines/latest.hcl", "table="+name)
	equal(t, "latest", table(t, server, name, "id"), want)

	server.Put(t, name, dynamotest.Item{"id": &types.AttributeValueMemberS{Value: "kept"}, "expires": &types.AttributeValueMemberN{Value: "7"}})
	run(t, dir, server, "examples/pipelines/backfill_ttl.hcl", "table="+name)
	for _, r := range want {
		seconds := rat(t, r["at"])
		seconds.Quo(seconds, big.NewRat(1000, 1))
		whole := new(big.Int).Quo(seconds.Num(), seconds.Denom())
		r["expires"] = number(whole.Add(whole, big.NewInt(90*86400)).String())
	}
	want["kept"] = row{"id": "kept", "expires": number("7")}
	equal(t, "with a time to live", table(t, server, name, "id"), want)
}

// TestPurge deletes what a query finds, and nothing else.
func TestPurge(t *testing.T) {
	server := dynamotest.Start(t)
	imported, byState := server.TableName(t), server.TableName(t)
	dir := workspace(t)
	run(t, dir, server, "examples/pipelines/import.hcl", "table="+imported)
	run(t, dir, server, "examples/pipelines/migrate.hcl", "from="+imported, "to="+byState)
	want := table(t, server, byState, "iata")
	before := len(want)
	for iata, r := range want {
		if r["pk"] == "STATE#AK" {
			delete(want, iata)
		}
	}
	run(t, dir, server, "examples/pipelines/purge.hcl", "table="+byState, "state=AK")
	equal(t, "left", table(t, server, byState, "iata"), want)
	if before-len(want) < 100 {
		t.Errorf("%d airports in Alaska", before-len(want))
	}
}

// TestGroupsInTheDeadLetter: a row that DynamoDB refuses takes its group with it,
// and the ledger balances (promises 1 and 2).
func TestGroupsInTheDeadLetter(t *testing.T) {
	server := dynamotest.Start(t)
	table := server.CreateTable(t, dynamotest.S("pk"))
	server.Put(t, table, dynamotest.Item{"pk": &types.AttributeValueMemberS{Value: "P05"}})
	dir := t.TempDir()
	lines := "pk,order\n"
	for i := range 12 {
		lines += fmt.Sprintf("P%02d,%d\n", i, i/4)
	}
	for name, text := range map[string]string{"in.csv": lines, "p.hcl": fmt.Sprintf(`
pipeline {
  max_rejects = 4
  batch_rows  = 3
}
source "csv" "in" {
  path = "in.csv"
}
sink "transaction" "orders" {
  from     = source.csv.in
  group_by = row.order
  put {
    table     = %q
    condition = !exists(item.pk)
  }
}
`, table)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("dynapipe", "run", "p.hcl")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), server.Environ()...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Fatalf("%v\n%s", err, out)
	}
	kept, err := os.ReadFile(filepath.Join(dir, "p.rejects.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	own, others := strings.Count(string(kept), "ConditionalCheckFailedException"), strings.Count(string(kept), "because of the row at in.csv:7")
	if n := strings.Count(string(kept), "\n"); n != 4 || own != 1 || others != 3 {
		t.Errorf("%d rows, %d with a reason of their own, %d with another's:\n%s", n, own, others, kept)
	}
	if n := len(server.Items(t, table)); n != 9 {
		t.Errorf("%d items", n)
	}
}
