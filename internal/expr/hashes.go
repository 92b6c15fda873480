package expr

import (
	"crypto/md5"  // for checksums that others made
	"crypto/sha1" // for checksums that others made
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"

	"github.com/google/uuid"

	"github.com/dynapipe/dynapipe/internal/attr"
)

func hashFunctions() []*fn {
	value := []param{{name: "value", class: octets}}
	in := func(name, what, example string, sum func([]byte) []byte, encode func([]byte) string) *fn {
		return &fn{
			name: name, params: value, result: String,
			description: "The " + what + " of the text's bytes, or of the binary.",
			example:     example,
			run: func(c *call) (attr.Value, error) {
				return attr.StringValue(encode(sum([]byte(c.args[0].Text())))), nil
			},
		}
	}
	b64 := base64.StdEncoding.EncodeToString
	sum1 := func(b []byte) []byte { s := sha1.Sum(b); return s[:] }
	sumMD5 := func(b []byte) []byte { s := md5.Sum(b); return s[:] }
	sum256 := func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }
	sum512 := func(b []byte) []byte { s := sha512.Sum512(b); return s[:] }
	return []*fn{
		in("base64sha256", "SHA-256 hash, in base64,", `base64sha256("hello") -> "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="`, sum256, b64),
		in("base64sha512", "SHA-512 hash, in base64,", `base64sha512("hello") -> "m3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw=="`, sum512, b64),
		in("md5", "MD5 hash, in hexadecimal,", `md5("hello") -> "5d41402abc4b2a76b9719d911017c592"`, sumMD5, hex.EncodeToString),
		in("sha1", "SHA-1 hash, in hexadecimal,", `sha1("hello") -> "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"`, sum1, hex.EncodeToString),
		in("sha256", "SHA-256 hash, in hexadecimal,", `sha256("hello") -> "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"`, sum256, hex.EncodeToString),
		in("sha512", "SHA-512 hash, in hexadecimal,", `sha512("hello") -> "9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043"`, sum512, hex.EncodeToString),
		{
			name: "uuidv5", params: []param{{name: "namespace", class: text}, {name: "name", class: text}}, result: String, run: uuidV5, check: checkUUIDV5,
			description: `The UUID of a name in a namespace (RFC 9562, version 5): "dns", "url", "oid", "x500" or a UUID.`,
			example:     `uuidv5("dns", "www.example.com") -> "2ed6657d-e927-568b-95e1-2665a8aea6a2"`,
		},
	}
}

func (c *call) namespace(i int) (uuid.UUID, error) {
	switch s := c.args[i].Text(); s {
	case "dns":
		return uuid.NameSpaceDNS, nil
	case "url":
		return uuid.NameSpaceURL, nil
	case "oid":
		return uuid.NameSpaceOID, nil
	case "x500":
		return uuid.NameSpaceX500, nil
	default:
		id, err := uuid.Parse(s)
		if err != nil {
			return id, bad(i, `a namespace: "dns", "url", "oid", "x500" or a UUID`)
		}
		return id, nil
	}
}

func checkUUIDV5(c *call) error {
	if c.args[0].Kind() != attr.String {
		return nil
	}
	_, err := c.namespace(0)
	return err
}

func uuidV5(c *call) (attr.Value, error) {
	ns, err := c.namespace(0)
	if err != nil {
		return attr.Value{}, err
	}
	return attr.StringValue(uuid.NewSHA1(ns, []byte(c.args[1].Text())).String()), nil
}
