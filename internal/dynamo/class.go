package dynamo

import "net/http"

// Class says what can be done about an error.
type Class uint8

// The classes.
const (
	// Permanent errors are the same for every request: denied, no such table.
	// The run stops.
	Permanent Class = iota + 1
	// Retryable errors pass: the same request may work in a moment.
	Retryable
	// Throttled is Retryable, and a reason to send less.
	Throttled
	// Conflict is another writer at the same item. Retryable, no reason to send
	// less.
	Conflict
	// Poison is something in this request, perhaps in one of its rows.
	Poison
	// ConditionFailed is the caller's own condition, which did not hold.
	ConditionFailed
)

// String is the class's name, for logs and reports.
func (c Class) String() string {
	return [...]string{"unknown", "permanent", "retryable", "throttled", "conflict", "poison", "condition failed"}[c]
}

// Codes of our own, for failures that have none of DynamoDB's.
const (
	CodeConnection  = "ConnectionError"  // no connection, or one that was cut
	CodeTimeout     = "Timeout"          // no answer in time
	CodeUnreachable = "EndpointNoAnswer" // an endpoint that never answered anything
	CodeChecksum    = "ChecksumMismatch" // an answer that is not what was sent
	CodeBadAnswer   = "BadAnswer"        // an answer that can't be read
	CodeNotDynamoDB = "NotDynamoDB"      // an answer that DynamoDB does not give
	CodeTooLarge    = "RequestTooLarge"  // HTTP 413
	CodeCredentials = "CredentialsError" // no credentials to sign with
)

// classOf is the one table of error classes. Sources: AWS, "Error handling with
// DynamoDB" (error messages and codes; transactional errors) and "Common error
// types" of the API reference.
func classOf(code string, status int) Class {
	switch code {
	case "ProvisionedThroughputExceededException", "ThrottlingException", "Throttling",
		"RequestLimitExceeded", "RequestThrottled", "RequestThrottledException",
		"TooManyRequestsException", "SlowDown", "LimitExceededException":
		return Throttled

	case "TransactionConflictException", "TransactionInProgressException",
		"ReplicatedWriteConflictException":
		return Conflict

	case "InternalServerError", "InternalFailure", "ServiceUnavailable",
		"ServiceUnavailableException", "RequestTimeout", "RequestTimeoutException",
		CodeConnection, CodeTimeout, CodeChecksum, CodeBadAnswer:
		return Retryable

	case "ValidationException", "ItemCollectionSizeLimitExceededException",
		"SerializationException", "IdempotentParameterMismatchException",
		"TransactionCanceledException", CodeTooLarge:
		return Poison

	case "ConditionalCheckFailedException":
		return ConditionFailed

	case "AccessDeniedException", "AccessDenied", "NotAuthorized", "OptInRequired",
		"UnrecognizedClientException", "InvalidClientTokenId",
		"InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature",
		"IncompleteSignatureException", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "RequestExpired",
		"ExpiredTokenException", "ExpiredToken", "ResourceNotFoundException",
		"UnknownOperationException", CodeUnreachable, CodeNotDynamoDB, CodeCredentials:
		return Permanent
	}
	return classOfStatus(status)
}

// classOfStatus is for a code that the table does not have.
func classOfStatus(status int) Class {
	switch {
	case status == http.StatusTooManyRequests:
		return Throttled
	case status >= 500, status == http.StatusRequestTimeout:
		return Retryable
	case status == http.StatusRequestEntityTooLarge:
		return Poison
	}
	return Permanent
}

// expired reports the codes for credentials that were good once.
func expired(code string) bool {
	return code == "ExpiredTokenException" || code == "ExpiredToken"
}
