# A table, scanned in parallel, into a compressed file of DynamoDB JSON: every
# type comes back as it was. Use `encoding = "plain"` for plain JSON.
#
#   dynapipe run examples/pipelines/export.hcl --var table=airports

variable "table" {
  type        = string
  description = "Table to read"
  default     = "airports"
}

variable "folder" {
  type        = string
  description = "Folder to write to"
  default     = "out"
}

source "dynamodb" "items" {
  table = var.table
}

sink "file" "items" {
  from     = source.dynamodb.items
  path     = "${var.folder}/${var.table}.jsonl.gz"
  encoding = "dynamodb"
}
