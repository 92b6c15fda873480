package pipeline

import (
	"github.com/dynapipe/dynapipe/internal/plan"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// Docs is the documentation of the blocks that are the language's own, and no
// component's.
func Docs() []schema.Docs {
	return []schema.Docs{
		{Header: "pipeline", Block: newSettings(&plan.Plan{}).Schema()},
		{Header: "state", Block: newStateBlock(&plan.State{}).Schema()},
		{Header: `variable "NAME"`, Block: (&variable{}).Schema()},
		{Header: "locals", Block: schema.Block{
			Summary: "Names for values, used as local.NAME.",
			Example: localsExample,
			Doc: "Each line is `name = value`. A value may use variables, other locals and functions, in any order, and no row.\n" +
				"There may be several `locals` blocks; a name stands in one of them.",
		}},
	}
}

// The examples of blocks that are no nodes.
const pipelineExample = `pipeline {
  name             = "nightly"
  description      = "Users from the shop into the table of the app"
  max_rejects      = "1%"
  dead_letter      = "nightly.rejects.jsonl"
  batch_rows       = 4096
  batch_bytes      = "8MB"
  channel_capacity = 8
  parallelism      = 4
}
`

const stateExample = `state {
  path  = "/var/lib/dynapipe"
  every = "30s"
}
`

const variableExample = `variable "table" {
  type        = string
  default     = "users"
  description = "The table that is written"

  validation {
    condition     = length(var.table) >= 3
    error_message = "A table's name has three characters or more."
  }
}

variable "token" {
  type      = string
  sensitive = true
  default   = ""
}
`

const localsExample = `locals {
  prefix = upper("user")
  tables = ["${local.prefix}-eu", "${local.prefix}-us"]
}
`
