# Deletes what a query finds: the airports of one state. The keys are read, and
# an item for each is deleted, up to max_deletes.
#
#   dynapipe run examples/pipelines/purge.hcl --var table=airports_by_state --var state=AK

variable "table" {
  type        = string
  description = "Table to delete from"
  default     = "airports_by_state"
}

variable "state" {
  type        = string
  description = "State whose airports go"
}

source "dynamodb" "airports" {
  table         = var.table
  key_condition = item.pk == "STATE#${var.state}"
  projection    = ["pk", "sk"]
}

sink "batch_write" "purge" {
  from        = source.dynamodb.airports
  table       = var.table
  operation   = "delete"
  max_deletes = 500
}
