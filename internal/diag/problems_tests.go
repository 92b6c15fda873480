package diag

// ofTests is what may be wrong with files of tests.
func ofTests() []Problem {
	return []Problem{
		{"no-tests-here", "No tests here",
			"There are no files of tests in a folder, or no test is chosen.", "Write *.test.hcl files beside the pipelines; dynapipe docs test shows one."},
		{"not-a-file-of-tests", "Not a file of tests",
			"The name of a file of tests ends in .test.hcl.", "Name the tests of the pipeline, or its folder."},
		{"not-in-the-pipeline", "Not in the pipeline",
			"A test names a source, lookup, get, sink or node that its pipeline does not have.", "Correct the type or the name."},
		{"source-without-rows", "Source without rows",
			"A test says nothing of a source, and nothing real is read in a test.", "Add a source block, with rows = [] for no rows."},
		{"lookup-without-items", "Lookup without items",
			"A test says nothing of the table of a lookup, and no table is read in a test.", "Add a lookup block, with rows = [] for no items."},
		{"not-from-this-source", "Not from this source",
			"A test gives a value that the source would not: a number from a CSV column that is text, for example.", "Write what the source gives, or give its column a type."},
		{"not-a-source-of-files", "Not a source of files",
			"A test gives a file to a source that reads none.", "Write rows = [...]."},
		{"items-of-which-table", "Items of which table?",
			"A lookup reads several tables, and a test has one list of items for it.", "Write a get block for each of the lookup's."},
		{"not-an-item", "Not an item",
			"An item of a lookup lacks its key, or the key has another type than in other items.", "Give each item the key attributes that the lookup names."},
		{"one-of-two", "One of two",
			"Of two ways to say a thing none is used, or both.", "Write one of the two."},
		{"nothing-expected", "Nothing expected",
			"An expect block says neither rows nor a count.", "Write rows = [...], or count = 3."},
		{"not-rows", "Not rows",
			"rows is not a list of objects.", "Write rows = [{ id = \"1\" }]."},
		{"not-a-fixed-value", "Not a fixed value",
			"A value in a test is not the same each time.", "Write the value itself."},
		{"not-a-time", "Not a time",
			"now is no time by RFC 3339.", "Write one such as 2025-01-01T00:00:00Z."},
	}
}
