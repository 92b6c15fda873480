// Package record holds what flows through a pipeline: a Batch of rows as
// columns, where each row came from, and the receipt on which a sink ends it.
//
// A column is one attribute. Its Type is string, number (decimal text, as it
// came), bool, binary, or any: one DynamoDB JSON value per row, for what is
// nested, a set, or of a type that varies. An attribute that a row does not
// have is Arrow's null; a second, optional bitmap says which of the others are
// DynamoDB NULL. Rows of different shapes share a batch as the union of their
// attributes, up to MaxColumns; what is beyond goes encoded into one overflow
// cell per row, so that wide and sparse rows stay in bounded memory.
//
// Batches are immutable and reference counted. Release says "done reading";
// the receipt says "settled". They are two things: a sink that has encoded its
// rows releases the batch at once and keeps the receipt.
package record
