package expr

import (
	"os"
	"testing"
	"time"
)

func runScope() Scope {
	s := vars()
	s.Run = &Run{ID: "run-1", Start: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)}
	return s
}

// Every function says what it does and has an example that can be read.
func TestFunctionsAreDocumented(t *testing.T) {
	docs := FunctionDocs()
	if len(docs) != len(functions) || len(docs) < 100 {
		t.Fatalf("%d functions are documented, of %d", len(docs), len(functions))
	}
	for i, d := range docs {
		if i > 0 && docs[i-1].Name >= d.Name {
			t.Errorf("%s is not in order", d.Name)
		}
		if d.Signature == "" || len(d.Description) < 15 || d.Description[len(d.Description)-1] != '.' {
			t.Errorf("%s: no signature or no sentence that describes it: %q %q", d.Name, d.Signature, d.Description)
		}
		if d.Example == "" {
			t.Errorf("%s has no example", d.Name)
		}
	}
}

// The examples of the reference are what the functions give, in a run and a row that
// are always the same.
func TestExamplesOfTheReference(t *testing.T) {
	t.Setenv("TABLE", "") // so that it is put back
	if err := os.Unsetenv("TABLE"); err != nil {
		t.Fatal(err)
	}
	b := batchOf(t, testRow)
	for _, d := range FunctionDocs() {
		src, want := splitExample(d.Example)
		if want == "" {
			t.Errorf("%s: the example %q has no result", d.Name, d.Example)
			continue
		}
		if functions[d.Name].static { // of no row
			got, diags := static(t, src, nil)
			expected, more := static(t, want, nil)
			if diags.HasErrors() || more.HasErrors() || !got.RawEquals(expected) {
				t.Errorf("%s: %s gives %#v, not %s (%v)", d.Name, src, got, want, diags)
			}
			continue
		}
		got, err := compiled(t, runScope(), src).Eval(b, 0)
		if err != nil {
			t.Errorf("%s: %s fails: %v", d.Name, src, err)
			continue
		}
		if show(got) == want {
			continue // a type that only DynamoDB JSON can show
		}
		expected, err := compiled(t, runScope(), want).Eval(b, 0)
		if err != nil || !same(got, expected) {
			t.Errorf("%s: %s gives %s, not %s", d.Name, src, show(got), want)
		}
	}
}

func splitExample(example string) (src, want string) {
	for i := range len(example) - 3 {
		if example[i:i+4] == " -> " {
			return example[:i], example[i+4:]
		}
	}
	return example, ""
}

func TestStringFunctions(t *testing.T) {
	runCases(t, runScope(), []evalCase{
		{`length("e` + "\u0301" + `")`, `{"N":"2"}`},
		{`length("日本")`, `{"N":"2"}`},
		{`substr("日本語", 1, 1)`, `{"S":"本"}`},
		{`substr("hello", -2, -1)`, `{"S":"lo"}`},
		{`substr("hello", 3, 10)`, `{"S":"lo"}`},
		{`substr("hello", 9, 1)`, `{"S":""}`},
		{`substr("hello", 0.5, 1)`, `error: number 0.5, not a whole number`},
		{`upper(row.n)`, `{"S":"7"}`},
		{`upper(row.missing)`, `error: upper: row.missing is null, not text`},
		{`upper(row.tags)`, `error: upper: row.tags is a list, not text`},
		{`strrev("日本")`, `{"S":"本日"}`},
		{`title("o'neil the_great über")`, `{"S":"O'Neil The_great Über"}`},
		{`join(",", row.tags, [1.50, true])`, `{"S":"a,b,1.5,true"}`},
		{`join(",", row.ss)`, `{"S":"a,b"}`},
		{`join(",", [row.missing])`, `error: an element of it is null`},
		{`split("", "ab")`, `{"L":[{"S":"a"},{"S":"b"}]}`},
		{`split(",", "")`, `{"L":[{"S":""}]}`},
		{`chomp("a\r\n")`, `{"S":"a"}`},
		{`indent(2, "a\nb")`, `{"S":"a\n  b"}`},
		{`textcmp(row.zip, row.id)`, `{"N":"-1"}`},
		{`regex("(\\d+)-(x)?", "12-")`, `{"L":[{"S":"12"},{"NULL":true}]}`},
		{`regex("(?P<y>\\d+)", "12-")`, `{"M":{"y":{"S":"12"}}}`},
		{`regex("z+", row.name)`, `error: regex: the pattern does not match`},
		{`regex("(a", row.name)`, `error: not a regular expression: missing closing )`},
		{`regex(row.name, "Ada!")`, `{"S":"Ada"}`},
		{`regexall("(.)(.)", "abcd")`, `{"L":[{"L":[{"S":"a"},{"S":"b"}]},{"L":[{"S":"c"},{"S":"d"}]}]}`},
		{`replace(row.name, "/[aA]/", "<$0>")`, `{"S":"<A>d<a>"}`},
		{`replace(row.name, "a", "o")`, `{"S":"Ado"}`},
		{`replace("a.b", ".", "/")`, `{"S":"a/b"}`},
		{`replace("aaa", "/a*/", "b")`, `{"S":"b"}`},
		{`replace("abc", "", "-")`, `{"S":"-a-b-c-"}`},
		{`trim("xxhixx", "x")`, `{"S":"hi"}`},
		{`format("%5s|%-5s|%05d|%+d|%x|%.2f|%t|%v|%q|%%", "ab", "cd", 42, 7, 255, 2.675, true, [1, null], "q\n")`,
			`{"S":"   ab|cd   |00042|+7|ff|2.68|true|[1,null]|\"q\\n\"|%"}`},
		{`format("%[2]s-%[1]s", "a", "b")`, `{"S":"b-a"}`},
		{`format("%s", row.balance)`, `{"S":"100.5"}`},
		{`format("%d", row.balance)`, `error: a whole number, as %d needs`},
		{`format("%d %d", 1)`, `error: the layout has verbs for 2 values, and there are 1`},
		{`format("%y", 1)`, `error: %y is no verb`},
		{`format("%99999999999d", 1)`, `error: width or precision`},
		{`format("%#v", "a")`, `{"S":"\"a\""}`},
		{`format("%s", row.missing)`, `error: row.missing is null, not text`},
		{`format("%e", 123456)`, `{"S":"1.234560e+05"}`},
		{`format("%g", 0.1)`, `{"S":"0.1"}`},
		{`formatlist("%s-%s", row.tags, "x")`, `{"L":[{"S":"a-x"},{"S":"b-x"}]}`},
		{`formatlist("%s%s", [1], [1, 2])`, `error: a list of 1 elements`},
	})
}

func TestNumberFunctions(t *testing.T) {
	runCases(t, runScope(), []evalCase{
		{`abs(row.neg)`, `{"N":"7"}`},
		{`abs(row.balance)`, `{"N":"100.50"}`},
		{`ceil(-1.5)`, `{"N":"-1"}`},
		{`ceil(1e120)`, `{"N":"1e120"}`},
		{`floor(-1.5)`, `{"N":"-2"}`},
		{`floor(1e-120)`, `{"N":"0"}`},
		{`log(8, 2)`, `{"N":"3"}`},
		{`log(1000, 10)`, `{"N":"3"}`},
		{`log(0, 10)`, `error: number 0, not above zero`},
		{`log(5, 1)`, `error: every power of 1 is 1`},
		{`pow(2, 100)`, `{"N":"1267650600228229401496703205376"}`},
		{`pow(2, 0.5)`, `{"N":"1.4142135623730950488016887242096980786"}`},
		{`pow(0, 0)`, `{"N":"1"}`},
		{`pow(-8, 3)`, `{"N":"-512"}`},
		{`pow(2, -1)`, `{"N":"0.5"}`},
		{`pow(0, -1)`, `error: division by zero`},
		{`pow(-1, 0.5)`, `error: power is no number`},
		{`pow(10, 126)`, `error: out of the range`},
		{`pow(10, 1e100)`, `error: out of the range`},
		{`pow(1.0000000001, 1e12)`, `{"N":"26881171283755497738294515689407855464000000"}`},
		{`max(row.nums...)`, `{"N":"3"}`},
		{`min(3, "2", 5)`, `{"N":"2"}`},
		{`max([]...)`, `error: max(numbers...) takes at least 1 argument, not 0`},
		{`max(row.nums)`, `error: max: row.nums is a list, not a number`},
		{`parseint("-zz", 36)`, `{"N":"-1295"}`},
		{`parseint("9", 8)`, `error: text "9", not a whole number in the base: 8`},
		{`parseint(row.name, 10)`, `error: parseint: row.name is text "Ada", not a whole number in the base: 10`},
		{`parseint("1", 63)`, `error: not a base`},
		{`signum(-0.5)`, `{"N":"-1"}`},
		{`sum(row.nums)`, `{"N":"6"}`},
		{`sum(row.ns)`, `{"N":"19"}`},
		{`sum(["1", 0.5])`, `{"N":"1.5"}`},
		{`sum([])`, `error: at least one number`},
		{`sum(row.tags)`, `error: row.tags is a list, not a list of numbers only`},
	})
}

func TestCollectionFunctions(t *testing.T) {
	runCases(t, runScope(), []evalCase{
		{`alltrue([true, row.missing])`, `{"BOOL":false}`},
		{`alltrue([])`, `{"BOOL":true}`},
		{`anytrue(["true", false])`, `{"BOOL":true}`},
		{`anytrue([1])`, `error: a list of bools`},
		{`chunklist(row.nums, 2)`, `{"L":[{"L":[{"N":"3"},{"N":"1"}]},{"L":[{"N":"2"}]}]}`},
		{`coalesce(row.missing, row.gone, row.empty, row.name)`, `{"S":"Ada"}`},
		{`coalesce(row.missing, null)`, `error: every value is null`},
		{`coalescelist(row.missing, [], row.tags)`, `{"L":[{"S":"a"},{"S":"b"}]}`},
		{`compact(["a", "", row.missing])`, `{"L":[{"S":"a"}]}`},
		{`concat(row.tags, row.ns)`, `{"L":[{"S":"a"},{"S":"b"},{"N":"9"},{"N":"10"}]}`},
		{`contains(row.ss, "a")`, `{"BOOL":true}`},
		{`contains(row.ns, "9")`, `{"BOOL":false}`},
		{`contains(row.ns, 9.0)`, `{"BOOL":true}`},
		{`contains(row.name, "da")`, `{"BOOL":true}`},
		{`contains([row.missing], row.gone)`, `{"BOOL":true}`},
		{`contains(row.n, 1)`, `error: contains: row.n is number 7, not a list, a set or a text`},
		{`distinct([1, 1.0, "1", row.missing, row.gone])`, `{"L":[{"N":"1"},{"S":"1"},{"NULL":true}]}`},
		{`element(row.tags, -1)`, `{"S":"b"}`},
		{`element([], 0)`, `error: a list with elements`},
		{`flatten([row.tags, [[row.ns]], 1])`, `{"L":[{"S":"a"},{"S":"b"},{"N":"9"},{"N":"10"},{"N":"1"}]}`},
		{`index(row.tags, "z")`, `error: the value is not in the list`},
		{`keys(row.address)`, `{"L":[{"S":"city"},{"S":"geo"},{"S":"none"}]}`},
		{`length(row.address)`, `{"N":"3"}`},
		{`length(row.bin)`, `{"N":"3"}`},
		{`length(row.missing)`, `error: row.missing is null`},
		{`lookup(row.address, "none", 1)`, `null`},
		{`lookup(row.address, "zip", null)`, `null`},
		{`lookup(row.address, "zip")`, `error: the map does not have the key`},
		{`merge(row.address.geo, null, { lat = 1, a = 2 })`, `{"M":{"lat":{"N":"1"},"a":{"N":"2"}}}`},
		{`merge()`, `{"M":{}}`},
		{`one(row.missing[*])`, `null`},
		{`one(row.tags)`, `error: at most one element`},
		{`range(3)`, `{"L":[{"N":"0"},{"N":"1"},{"N":"2"}]}`},
		{`range(3, 1)`, `{"L":[{"N":"3"},{"N":"2"}]}`},
		{`range(0, 1, 0.5)`, `{"L":[{"N":"0"},{"N":"0.5"}]}`},
		{`range(1e9)`, `error: more than 65536 elements`},
		{`range(0, 1, 0)`, `error: not a step`},
		{`reverse(row.tags)`, `{"L":[{"S":"b"},{"S":"a"}]}`},
		{`row.tags`, `{"L":[{"S":"a"},{"S":"b"}]}`},
		{`slice(row.nums, 1, 3)`, `{"L":[{"N":"1"},{"N":"2"}]}`},
		{`slice(row.nums, 2, 1)`, `error: an index from the start`},
		{`sort(["b", 10, 9])`, `{"L":[{"S":"10"},{"S":"9"},{"S":"b"}]}`},
		{`zipmap(row.tags, [1])`, `error: as long as`},
		{`setunion(row.ss, ["c"], row.missing)`, `{"SS":["a","b","c"]}`},
		{`setintersection(row.ss, ["z"])`, `null`},
		{`setsubtract(row.ns, [9.0])`, `{"NS":["10"]}`},
		{`setunion(row.ss, row.ns)`, `error: a list of one kind of value`},
		{`setproduct([1, 2], [])`, `{"L":[]}`},
		{`setproduct(range(1000), range(1000))`, `error: more than`},
		{`toset(["b", "b"])`, `{"SS":["b"]}`},
		{`toset([])`, `error: no empty set`},
		{`toset([true])`, `error: texts, numbers or binaries`},
		{`tolist(row.ns)`, `{"L":[{"N":"9"},{"N":"10"}]}`},
	})
}

func TestEncodingFunctions(t *testing.T) {
	runCases(t, runScope(), []evalCase{
		{`jsonencode({ b = row.ss, a = 1.50, c = row.bin, d = row.missing, e = "<&>" })`,
			`{"S":"{\"a\":1.5,\"b\":[\"a\",\"b\"],\"c\":\"AQID\",\"d\":null,\"e\":\"<&>\"}"}`},
		{`jsonencode(row.gone)`, `{"S":"null"}`},
		{`jsondecode("{\"a\": [1.10, null]}")`, `{"M":{"a":{"L":[{"N":"1.10"},{"NULL":true}]}}}`},
		{`jsondecode("12345678901234567890123456789012345678")`, `{"N":"12345678901234567890123456789012345678"}`},
		{`jsondecode("null")`, `null`},
		{`jsondecode("{")`, `error: not JSON`},
		{`jsondecode(row.name)`, `error: jsondecode: row.name is text "Ada", not JSON: something is wrong at byte 0`},
		{`csvdecode("a,b\n1,\"2,3\"")`, `{"L":[{"M":{"a":{"S":"1"},"b":{"S":"2,3"}}}]}`},
		{`csvdecode("a,a\n1,2")`, `error: different names`},
		{`csvdecode("a,b\n1")`, `error: line 2 has too many or too few cells`},
		{`base64decode("////")`, `error: UTF-8 text`},
		{`base64decode("?")`, `error: not base64`},
		{`base64encode(row.bin)`, `{"S":"AQID"}`},
		{`textdecodebase64(textencodebase64("é", "ISO-8859-1"), "ISO-8859-1")`, `{"S":"é"}`},
		{`textencodebase64("日", "ISO-8859-1")`, `error: does not have`},
		{`textencodebase64("a", "nothing")`, `error: a character encoding that is known`},
		{`urlencode("a/b?c")`, `{"S":"a%2Fb%3Fc"}`},
		{`md5(row.bin)`, `{"S":"5289df737df57326fcdd22597afb1fac"}`},
		{`uuidv5("nowhere", "x")`, `error: a namespace`},
		{`uuidv5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com") == uuidv5("dns", "www.example.com")`, `{"BOOL":true}`},
	})
}

func TestTimeFunctions(t *testing.T) {
	runCases(t, runScope(), []evalCase{
		{`timestamp()`, `{"S":"2024-05-06T07:08:09Z"}`},
		{`formatdate("EEEE, DD-MMM-YY hh:mm:ss ZZZ", "2024-01-02T23:04:05Z")`, `{"S":"Tuesday, 02-Jan-24 23:04:05 UTC"}`},
		{`formatdate("h:mmaa H HH ZZZZZ ZZZZ Z M D m s", "2024-01-02T03:04:05+02:00")`, `{"S":"3:04am 3 03 +02:00 +0200 +02:00 1 2 4 5"}`},
		{`formatdate("YYYY'T'''", "2024-01-02T03:04:05Z")`, `{"S":"2024T'"}`},
		{`formatdate("YYYYT", "2024-01-02T03:04:05Z")`, `error: "T" is no field`},
		{`formatdate("YYYY'T", "2024-01-02T03:04:05Z")`, `error: not closed`},
		{`formatdate("YYYY", row.name)`, `error: formatdate: row.name is text "Ada", not an RFC 3339 timestamp`},
		{`parsetime("YYYY-MM-DD hh:mm:ss", "2024-01-02 03:04:05.250")`, `{"S":"2024-01-02T03:04:05.25Z"}`},
		{`parsetime("D MMMM YYYY H:mm AA ZZZZ", "2 february 2024 12:30 AM +0530")`, `{"S":"2024-02-02T00:30:00+05:30"}`},
		{`parsetime("EEE DD/MM/YY", "Fri 02/01/70")`, `{"S":"1970-01-02T00:00:00Z"}`},
		{`parsetime("DD/MM/YYYY", "31/02/2024")`, `error: a date that exists`},
		{`parsetime("DD/MM/YYYY", "2024-02-01")`, `error: it differs where the layout has /`},
		{`parsetime("DD/MM/YYYY", "01/02/2024 x")`, `error: goes on after`},
		{`timeadd("2024-02-28T00:00:00Z", "48h")`, `{"S":"2024-03-01T00:00:00Z"}`},
		{`timeadd("2024-02-28T00:00:00Z", "2 days")`, `error: not a duration`},
		{`timecmp("2024-02-28T00:00:00Z", "2024-02-28T00:00:01Z")`, `{"N":"-1"}`},
		{`epoch("1969-12-31T23:59:59.5Z")`, `{"N":"-0.5"}`},
		{`epoch("9999-12-31T23:59:59.999999999Z")`, `{"N":"253402300799.999999999"}`},
		{`rfc3339(-0.5)`, `{"S":"1969-12-31T23:59:59.5Z"}`},
		{`rfc3339(1e20)`, `error: the year is not between`},
		{`rfc3339(epoch("2024-02-29T12:00:00+02:00"))`, `{"S":"2024-02-29T10:00:00Z"}`},
	})
}

func TestDynamoFunctions(t *testing.T) {
	runCases(t, runScope(), []evalCase{
		{`string_set(["a", 1])`, `{"SS":["a","1"]}`},
		{`string_set(["a", "a"])`, `error: different elements`},
		{`string_set([])`, `error: no empty set`},
		{`number_set(["1", 2.0])`, `{"NS":["1","2"]}`},
		{`number_set([1, 1.0])`, `error: different elements`},
		{`number_set(row.tags)`, `error: element 0 is text`},
		{`binary_set(["AQID", row.bin])`, `error: different elements`},
		{`binary_set(["AQID"])`, `{"BS":["AQID"]}`},
		{`binary("AQID") == row.bin`, `{"BOOL":true}`},
		{`dynamodb_null()`, `{"NULL":true}`},
		{`[dynamodb_null()] == [null]`, `{"BOOL":true}`},
		{`item_size({ id = "1", n = 100 })`, `{"N":"6"}`},
		{`item_size(row) > 100`, `{"BOOL":true}`},
		{`tostring(row.exp)`, `{"S":"1200"}`},
		{`tostring(row.gone)`, `{"NULL":true}`},
		{`tostring(row.tags)`, `error: not text`},
		{`tonumber(row.zip)`, `{"N":"01234"}`},
		{`tonumber("")`, `error: text "", not a number`},
		{`tobool("yes")`, `error: not a bool`},
		{`tomap(row.address.geo)`, `{"M":{"lat":{"N":"51.5"}}}`},
		{`try(row.name.x, row.n / 0, "last")`, `{"S":"last"}`},
		{`try(tonumber(row.name))`, `error: tonumber: row.name is text "Ada"`},
		{`can(row.name.x)`, `{"BOOL":false}`},
		{`can(row.missing.x)`, `{"BOOL":true}`},
		{`env("HOME")`, `error: where no row is at hand`},
	})
}

// uuid() and ulid() are new for every row and call, and the same again when
// the row is evaluated again.
func TestIdentities(t *testing.T) {
	b := batchOf(t, testRow, testRow)
	for _, name := range []string{"uuid()", "ulid()"} {
		src := `[` + name + `, ` + name + `, [for i in range(3) : ` + name + `]]`
		seen := map[string]int{}
		for range 2 {
			x := compiled(t, runScope(), src)
			if _, constant := x.Constant(); constant {
				t.Fatalf("%s is constant", src)
			}
			for row := range 2 {
				v, err := x.Eval(b, row)
				if err != nil {
					t.Fatal(err)
				}
				for _, id := range append(v.Elems()[:2:2], v.Elems()[2].Elems()...) {
					seen[id.Text()]++
				}
			}
		}
		if len(seen) != 10 {
			t.Fatalf("%s gave %d different values for 10 calls, each made twice: %v", name, len(seen), seen)
		}
		other := runScope()
		other.Run.ID = "run-2"
		v, err := compiled(t, other, name).Eval(b, 0)
		if err != nil || seen[v.Text()] != 0 {
			t.Fatalf("%s gives another run the same value", name)
		}
	}
	v, err := compiled(t, runScope(), "ulid()").Eval(b, 0)
	if err != nil || v.Text()[:10] != "01HX6BPDX8" {
		t.Fatalf("the time of %s is not the start of the run", v.Text())
	}
}
