package delivery

// The examples of nested blocks that several components have.
const retryExample = `retry {
  max_attempts      = 20
  base_delay        = "100ms"
  max_delay         = "20s"
  backoff_factor    = 1.5
  retry_unprocessed = true
  deadline          = "10m"
}
`

const createExample = `# Paid by request, with an index and what a table in production has.
create_table {
  partition_key          = "pk"
  partition_type         = "S"
  sort_key               = "sk"
  sort_type              = "N"
  billing                = "on_demand"
  max_read_capacity      = 10000
  max_write_capacity     = 10000
  warm_read_capacity     = 12000
  warm_write_capacity    = 4000
  table_class            = "STANDARD_INFREQUENT_ACCESS"
  ttl                    = "expires_at"
  stream                 = "NEW_AND_OLD_IMAGES"
  kms_key                = "alias/pipelines"
  deletion_protection    = true
  point_in_time_recovery = true
  tags                   = { team = "data" }

  global_index "by_mail" {
    partition_key      = "mail"
    partition_type     = "S"
    sort_key           = "at"
    sort_type          = "S"
    projection         = "INCLUDE"
    attributes         = ["name"]
    max_read_capacity  = 5000
    max_write_capacity = 5000
  }

  local_index "by_size" {
    sort_key   = "size"
    sort_type  = "N"
    projection = "INCLUDE"
    attributes = ["name"]
  }
}

# With provisioned capacity.
create_table {
  partition_key  = "pk"
  billing        = "provisioned"
  read_capacity  = 50
  write_capacity = 100

  global_index "by_mail" {
    partition_key  = "mail"
    read_capacity  = 20
    write_capacity = 40
  }
}
`
