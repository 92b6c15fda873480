package expr

func stringFunctions() []*fn { return nil }
func patternFunctions() []*fn { return nil }
func formatFunctions() []*fn { return nil }
func listFunctions() []*fn { return nil }
func mapFunctions() []*fn { return nil }
func setFunctions() []*fn { return nil }
func encodingFunctions() []*fn { return nil }
func hashFunctions() []*fn { return nil }
func timeFunctions() []*fn { return nil }
func identityFunctions() []*fn { return nil }
func dynamoFunctions() []*fn { return nil }
