// Package expr evaluates the expressions of a pipeline.
//
// A row expression goes through two steps. Compile walks the HCL syntax tree
// once: it finds what each name means, checks names, arities and the kinds that
// are known beforehand, folds what is constant, and gives an Expr. Eval walks
// the bound tree for one row of a batch, over DynamoDB's own attribute values:
// numbers are decimals of 38 digits, strings keep their bytes, absent and NULL
// both read as null. An error of Eval rejects the row.
//
// The map of the package:
//
//   - kinds.go: what is known of a value and of the rows beforehand
//   - expr.go: the API; compile.go, bind_names.go: from syntax to bound nodes
//   - operators.go, template.go, loops.go, access.go: kinds of nodes, each with
//     what binds it
//   - functions.go: the table of functions; each file after it a group of them
//   - lower.go: from bound nodes to loops over columns, which give what Eval
//     gives or leave a row to it; program.go runs them, vector.go is what they
//     work on, small.go the numbers that fit an integer, loop_*.go the loops
//   - cty.go, static.go: to and from go-cty, and the same functions for what
//     has no row: variables, locals, static arguments
package expr
