# What each account has sent, and how often: totals to which every transfer of the
# file is added exactly once. Each update is a transaction that also leaves a
# marker under the transfer's id. Whatever fails, is killed, or is run again next
# week: a transfer whose marker is there changes nothing.
#
# The table has the partition key "account" (string), the table of markers any
# partition key that is a string, and a time to live:
#
#   aws dynamodb create-table --table-name markers --billing-mode PAY_PER_REQUEST \
#     --attribute-definitions AttributeName=id,AttributeType=S --key-schema AttributeName=id,KeyType=HASH
#   aws dynamodb update-time-to-live --table-name markers \
#     --time-to-live-specification Enabled=true,AttributeName=expires_at
#
#   dynapipe run examples/pipelines/exactly_once.hcl --var table=totals --var markers=markers

variable "table" {
  type        = string
  description = "Table with a total for each account"
  default     = "totals"
}

variable "markers" {
  type        = string
  description = "Table with a marker for each transfer that was added"
  default     = "markers"
}

source "csv" "transfers" {
  path    = "examples/data/transfers.csv"
  columns = { amount = number }
}

sink "update" "totals" {
  from  = source.csv.transfers
  table = var.table
  key   = { account = row.from }
  add   = { sent = row.amount, transfers = 1 }

  exactly_once    = true
  idempotency_key = row.id
  marker_table    = var.markers
  marker_ttl      = "30d"
}
