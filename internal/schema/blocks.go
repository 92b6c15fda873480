package schema

// Nested declares a kind of block inside a block.
type Nested struct {
	name, doc string
	repeats   bool
	atLeast   int
	sample    func() Block // a declaration that nobody decodes into, for docs
	decode    func(d *decoding, b *nestedBlock)
}

// Name is the nested block's type.
func (n Nested) Name() string { return n.name }

// Block is a declaration that nobody decodes into, for docs.
func (n Nested) Block() Block { return n.sample() }

// Require makes leaving the nested block out an error.
func (n Nested) Require() Nested { n.atLeast = 1; return n }

// Optional is a nested block that may stand once. Its target stays nil when it
// was not written. declare sets defaults on the new T and declares it.
func Optional[T any](name string, target **T, declare func(*T) Block) Nested {
	return Nested{
		name:   name,
		doc:    declare(new(T)).Summary,
		sample: func() Block { return declare(new(T)) },
		decode: func(d *decoding, b *nestedBlock) {
			t := new(T)
			d.body(b, declare(t))
			*target = t
		},
	}
}

// List is a nested block that may stand any number of times, in order.
func List[T any](name string, target *[]T, declare func(*T) Block) Nested {
	return Nested{
		name:    name,
		doc:     declare(new(T)).Summary,
		repeats: true,
		sample:  func() Block { return declare(new(T)) },
		decode: func(d *decoding, b *nestedBlock) {
			t := new(T)
			d.body(b, declare(t))
			*target = append(*target, *t)
		},
	}
}
