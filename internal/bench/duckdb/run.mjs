// What DuckDB does of the benchmark's cases, with one thread:
//
//   node run.mjs CASE INPUT OUTPUT      run it and print the CPU time it took
//   node run.mjs to-jsonl PARQUET JSONL write a Parquet file's rows as JSON lines
import { DuckDBInstance } from '@duckdb/node-api';

const [what, input, output] = process.argv.slice(2);
const text = (path) => `'${path.replaceAll("'", "''")}'`;

// The types are given, so that nothing is guessed, as dynapipe's pipeline gives them.
const users = `read_csv(${text(input)}, header = true, delim = ',', quote = '"', escape = '"', columns = {
  'id': 'VARCHAR', 'email': 'VARCHAR', 'name': 'VARCHAR', 'status': 'VARCHAR', 'balance': 'DECIMAL(12, 2)',
  'created': 'VARCHAR', 'age': 'INTEGER', 'country': 'VARCHAR', 'tags': 'VARCHAR', 'note': 'VARCHAR'})`;

const statements = {
  'csv-jsonl': `COPY (
      SELECT *, 'USER#' || id AS pk, CASE WHEN balance * 1.19 > 12000 THEN 'gold' ELSE 'standard' END AS tier
      FROM ${users} WHERE status = 'active'
    ) TO ${text(output)} (FORMAT json)`,
  'csv-parquet': `COPY (SELECT * FROM ${users}) TO ${text(output)} (FORMAT parquet, COMPRESSION snappy)`,
  'to-jsonl': `COPY (SELECT * FROM read_parquet(${text(input)})) TO ${text(output)} (FORMAT json)`,
};

const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
const connection = await instance.connect();
const before = process.cpuUsage(); // user and system, of all threads
await connection.run(statements[what]);
const used = process.cpuUsage(before);
console.log(`cpu_seconds=${(used.user + used.system) / 1e6}`);
