# Money from account to account: what one loses the other gets, and an entry in
# the ledger says so, all or nothing. A transfer beyond the balance is left out,
# and so is one that the ledger has: the file can be applied again.
#
# The tables have the partition keys "account" and "id" (strings). Accounts that
# are not there have nothing to give.
#
#   dynapipe run examples/pipelines/transfer.hcl --var accounts=accounts --var ledger=ledger

variable "accounts" {
  type        = string
  description = "Table with the accounts and their balances"
  default     = "accounts"
}

variable "ledger" {
  type        = string
  description = "Table with an entry for each transfer"
  default     = "ledger"
}

source "csv" "transfers" {
  path    = "examples/data/transfers.csv"
  columns = { amount = number }
}

sink "transaction" "transfers" {
  from = source.csv.transfers

  update {
    table     = var.accounts
    key       = { account = row.from }
    set       = { balance = item.balance - row.amount }
    condition = item.balance >= row.amount
  }

  update {
    table = var.accounts
    key   = { account = row.to }
    add   = { balance = row.amount }
  }

  put {
    table     = var.ledger
    condition = !exists(item.id)
  }

  on_condition_failure = "skip"
}
