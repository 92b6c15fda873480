package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dynapipe/dynapipe/internal/schema"
)

// Policy is an IAM policy document (AWS: IAM User Guide, "IAM JSON policy
// elements reference").
type Policy struct {
	Version   string      `json:"Version" doc:"The version of IAM's policy language."`
	Statement []Statement `json:"Statement" doc:"What is allowed."`
}

// Statement allows actions on resources.
type Statement struct {
	Effect   string   `json:"Effect" values:"Allow" doc:"That it is allowed."`
	Action   []string `json:"Action" doc:"IAM actions, as dynamodb:BatchWriteItem."`
	Resource []string `json:"Resource" doc:"ARNs of tables and indexes, with * for what is not known."`
}

// Policy is the least policy that lets the pipeline run, and what it could not
// know: a table that rows name, an account that nobody was asked for.
func (v View) Policy() (Policy, []string) {
	var notes []string
	allowed := map[string][]string{} // actions by resource
	for _, n := range v.Nodes {
		if n.Unknown != "" {
			notes = append(notes, fmt.Sprintf("%s: %s", n.Address, n.Unknown))
		}
		if n.Facts.RowTables {
			notes = append(notes, n.Address+": the rows name tables, which are in no statement; where there is such an argument, tables = [...] names them")
		}
		for _, t := range n.Facts.Tables {
			if t.ARN == "" && !strings.HasPrefix(t.Name, "arn:") {
				notes = append(notes, fmt.Sprintf("%s: table %s could not be described, so its region and account are *", n.Address, t.Name))
			}
			grant(allowed, t, n.Facts.Calls)
		}
	}
	policy := Policy{Version: "2012-10-17", Statement: []Statement{}}
	for _, resource := range sorted(allowed) {
		actions := allowed[resource]
		slices.Sort(actions)
		actions = slices.Compact(actions)
		same := func(s Statement) bool { return slices.Equal(s.Action, actions) }
		if i := slices.IndexFunc(policy.Statement, same); i >= 0 {
			policy.Statement[i].Resource = append(policy.Statement[i].Resource, resource)
			continue
		}
		policy.Statement = append(policy.Statement, Statement{Effect: "Allow", Action: actions, Resource: []string{resource}})
	}
	slices.Sort(notes)
	return policy, slices.Compact(notes)
}

// grant adds what a node does with a table.
func grant(allowed map[string][]string, t schema.TableUse, calls []string) {
	if t.Calls != nil {
		calls = t.Calls
	}
	table := t.ARN
	switch {
	case strings.HasPrefix(t.Name, "arn:"):
		table = t.Name
	case table == "":
		table = "arn:aws:dynamodb:*:*:table/" + t.Name
	}
	for _, call := range calls {
		resource := table
		if t.Index != "" && (call == "Scan" || call == "Query") {
			resource += "/index/" + t.Index
		}
		for _, action := range actionsOf(call) {
			allowed[resource] = append(allowed[resource], "dynamodb:"+action)
		}
	}
}

// actionsOf is what IAM calls an API operation: transactions are allowed by the
// actions that they are made of, of which a TableUse names its own (AWS:
// "Using IAM with DynamoDB transactions").
func actionsOf(call string) []string {
	switch call {
	case "TransactGetItems":
		return []string{"GetItem"}
	case "TransactWriteItems":
		return nil
	}
	return []string{call}
}

func sorted(m map[string][]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
