"""JSON texts by what a strict reader must do with them: named as corpora of JSON parsers are, n_ refused, y_ read, r_ refused
by a rule or limit of `core.strict_json` although RFC 8259 admits the text."""

REFUSED_BY_THE_GRAMMAR: dict[str, bytes] = {
    # arrays
    "n_array_1_true_without_comma": b"[1 true]", "n_array_a_invalid_utf8": b"[a\xe5]", "n_array_colon_instead_of_comma": b'["": 1]',
    "n_array_comma_after_close": b'[""],', "n_array_comma_and_number": b"[,1]", "n_array_double_comma": b"[1,,2]",
    "n_array_double_extra_comma": b'["x",,]', "n_array_extra_close": b'["x"]]', "n_array_extra_comma": b'["",]',
    "n_array_incomplete": b'["x"', "n_array_incomplete_invalid_value": b"[x", "n_array_inner_array_no_comma": b"[3[4]]",
    "n_array_invalid_utf8": b"[\xff]", "n_array_items_separated_by_semicolon": b"[1:2]", "n_array_just_comma": b"[,]",
    "n_array_just_minus": b"[-]", "n_array_missing_value": b'[   , ""]', "n_array_newlines_unclosed": b'["a",\n4\n,1,',
    "n_array_number_and_comma": b"[1,]", "n_array_spaces_vertical_tab_formfeed": b'["\x0ba"\\f]', "n_array_star_inside": b"[*]",
    "n_array_unclosed": b'[""', "n_array_unclosed_trailing_comma": b"[1,", "n_array_unclosed_with_new_lines": b"[1,\n1\n,1",
    # incomplete words
    "n_incomplete_false": b"[fals]", "n_incomplete_null": b"[nul]", "n_incomplete_true": b"[tru]", "n_multidigit_number_then_00": b"123\x00",
    # numbers
    **{f"n_number {text!r}": b"[" + text + b"]" for text in (
        b"++1234", b"+1", b"+Inf", b"-01", b"-1.0.", b"-2.", b"-NaN", b".-1", b".2e-3", b"0.1.2", b"0.3e+", b"0.3e", b"0.e1", b"0E+", b"0E",
        b"0e+", b"0e", b"00.0", b"00e0", b"-00.0", b"1.0e+", b"1.0e-", b"1.0e", b"1 000.0", b"1eE2", b"2.e+3", b"2.e-3", b"2.e3", b"9.e+", b"Inf", b"NaN",
        "\uff11".encode(), b"1+2", b"0x1", b"0x42", b"Infinity", b"0e+-1", b"-123.123foo", b"123\xe5", b"1e1\xe5", b"0\xe5", b"-Infinity", b"-foo",
        b"- 1", b"-012", b"-.123", b"-1x", b"1ea", b"1e\xe5", b"1.", b".123", b"1.2a-3", b"1.8011670033376514H-308", b"012", b"0b1", b"0o7", b"1_000",
        "٤".encode(), b"1e0.5", b"1'000")},
    # objects
    **{f"n_object {text!r}": text for text in (
        b'["x", truth]', b'{[: "x"}\n', b'{"x", null}', b'{"x"::"b"}', '{🇨🇭}'.encode(), b'{"a":"a" 123}', b"{key: 'value'}", b'{"\xb9":"0",}',
        b'{"a" b}', b'{:"b"}', b'{"a" "b"}', b'{"a":', b'{"a"', b"{1:1}", b"{9999E9999:1}", b"{null:null,null:null}", b'{"id":0,,,,,}', b"{'a':0}",
        b'{"id":0,}', b'{"a":"b"}/**/', b'{"a":"b"}/**//', b'{"a":"b"}//', b'{"a":"b"}/', b'{"a":"b",,"c":"d"}', b'{a: "b"}', b'{"a":"a', b'{ "foo" : "bar", "a" }',
        b'{"a":"b"}#', b'{"a":1}{"b":2}', b'{"a":1};', b'{"a"=1}', b'{"a":1 "b":2}', b"{", b"}", b'{"a":{}', b'{"a":1}}', b"{undefined:1}", b'{"a":undefined}')},
    # strings
    **{f"n_string {text!r}": text for text in (
        b'[" ', b'["\\uD800\\"]', b'["\\uD800\\u"]', b'["\\uD800\\u1"]', b'["\\uD800\\u1x"]', "[é]".encode(), b'["\\\x00"]', b'["\\x00"]', b'["\\\\\\"]',
        b'["\\\t"]', '["\\🌀"]'.encode(), b'["\\"]', b'["\\u00A"]', b'["\\uD834\\uDd"]', b'["\\uD800\\uD800\\x"]', b'["\\u\xe5"]', b'["\\a"]', b'["\\uqqqq"]',
        b'["\\\xe5"]', b"[\\u0020\"asd\"]", b"[\\n]", b'"', b"['single quote']", b"abc", b'["\\', b'["a\x00a"]', b'["new\nline"]', b'["\t"]', b'"\\UA66D"', b'""x',
        b'["\x1f"]', b'["\\u{41}"]', b'["\\777"]', b"[`x`]")},
    # the whole text
    **{f"n_structure {text!r}": text for text in (
        b"<.>", b"[<null>]", b"[1]x", b"[1]]", b'["asd]', "aå".encode(), b"[True]", b"1]", b'{"x": true,', b"[][]", b"]", b"\xef\xbb{}", b"\xe5", b"[", b"", b"[\x00]",
        b"2@", b"{}}", b'{"":', b'{"a":/*comment*/"b"}', b'{"a": true} "x"', b"['", b"[,", b"[{", b'["a', b'["a"', b"{,", b"{]", b"{[", b"{'a'", b"*",
        b'{"a":"b"}#{}', b'["\\u0061', b"[1", b'["asd"', b"[false, nul", b"[true, fals", b'{"asd":"asd"', "å".encode(), "[\u2060]".encode(), b"\xef\xbb\xbf",
        b"[\x0c]", b"NULL", b"[ , ]", "\u00a0[]".encode(), b"\x0b[]", b" ", b"\r\n")},
    "n_structure_100000_opening_arrays": b"[" * 100_000, "n_structure_open_array_object": b'[{"":' * 50_000,
}

READ: dict[str, bytes] = {
    f"y {text[:60]!r}": text for text in (
        b"[[]   ]", b'[""]', b"[]", b'["a"]', b"[false]", b'[null, 1, "1", {}]', b"[null]", b"[1\n]", b" [1]", b"[1,null,null,null,2]", b"[2] ",
        b"[123e65]", b"[0e+1]", b"[0e1]", b"[ 4]", b"[20e1]", b"[-123]", b"[-1]", b"[1E22]", b"[1E-2]", b"[1E+2]", b"[123e45]", b"[123.456e78]",
        b"[1e-2]", b"[1e+2]", b"[123]", b"[123.456789]", b"[0]", b"[0.0]", b"[9007199254740991]", b"[-9007199254740991]", b"[0.1]", b"[5e-324]",
        b'{"asd":"sdf", "dfg":"fgh"}', b'{"asd":"sdf"}', b"{}", b'{"":0}', b'{ "min": -1.0e+28, "max": 1.0e+28 }', b'{"a":[]}', b'{\n"a": "b"\n}',
        b'{"title":"\\u041f\\u043e\\u043b\\u0442\\u043e\\u0440\\u0430" }', b'{"x":[{"id": "a"}], "id": "a"}',
        b'["\\u0060\\u012a\\u12AB"]', b'["\\uD801\\udc37"]', b'["\\ud83d\\ude39\\ud83d\\udc8d"]', b'["\\"\\\\\\/\\b\\f\\n\\r\\t"]', b'["\\\\u0000"]',
        b'["\\""]', b'["a/*b*/c/*d//e"]', b'["\\\\a"]', b'["\\\\n"]', b'["\\u0012"]', b'["\\uFFFF"]', b'["asd"]', b'[ "asd"]', b'["\\uDBFF\\uDFFF"]',
        b'["new\\u00A0line"]', "[\"\U0010ffff\"]".encode(), "[\"\uffff\"]".encode(), b'["\\u002c"]', "[\"π\"]".encode(), "[\"\U0001bfff\"]".encode(),
        b'["asd "]', b'" "', b'["\\uD834\\uDD1E"]', b'["\\u0821"]', b'["\\u0123"]', "[\"\u2028\"]".encode(), "[\"\u2029\"]".encode(), b'["\\u0061\\u30af"]',
        b'["new\\u000Aline"]', b'["\x7f"]', b'["\\uA66D"]', b'["\\u005C"]', "[\"⍂㈴⍂\"]".encode(), b'["\\u0022"]', b'["\\u200B"]', b'["\\u2064"]',
        "[\"€𝄞\"]".encode(), b'["a\x7fa"]', b"false", b"42", b"-0.1", b"null", b'"asd"', b"true", b'""', b'["a"]\n', b"[true]", b" [] ", b"\t\r\n {} \t\r\n",
        b"[" * 32 + b"]" * 32, b'{"a":' * 32 + b"1" + b"}" * 32, b'["' + b"a" * 65_536 + b'"]', b'{"' + b"k" * 256 + b'":1}',
        b"{" + b",".join(b'"%d":0' % n for n in range(1000)) + b"}", b'{"a":1,"A":2}', '{"é":1,"e\u0301":2}'.encode())
}

REFUSED_BY_RULE: dict[str, bytes] = {
    "r_byte_order_mark": b"\xef\xbb\xbf[]", "r_utf16_le": "[]".encode("utf-16"), "r_utf16_be": "[1]".encode("utf-16-be"), "r_utf32": "[]".encode("utf-32"),
    "r_utf16_without_mark": '{"a":1}'.encode("utf-16-le"), "r_latin1": b'["\xe9"]', "r_overlong_slash": b'["\xc0\xaf"]', "r_overlong_nul": b'["\xc0\x80"]',
    "r_overlong_6_bytes": b'["\xfc\x83\xbf\xbf\xbf\xbf"]', "r_beyond_unicode": b'["\xf4\x90\x80\x80"]', "r_surrogate_bytes": b'["\xed\xa0\x80"]',
    "r_cesu8_pair": b'["\xed\xa1\x8c\xed\xbe\xb4"]', "r_truncated_utf8": b'["\xe0\xff"]', "r_lone_continuation": b'["\x81"]',
    "r_key_twice": b'{"a":"b","a":"c"}', "r_key_and_value_twice": b'{"a":"b","a":"b"}', "r_key_twice_by_escape": b'{"a":1,"\\u0061":2}',
    "r_empty_key_twice": b'{"":0,"":0}', "r_key_twice_by_pair": '{"😀":1,"\\ud83d\\ude00":2}'.encode(), "r_key_twice_by_solidus": b'{"a/b":1,"a\\/b":2}',
    "r_key_twice_in_depth": b'[[{"x":{"y":[{"a":1,"a":2}]}}]]', "r_many_and_twice": b"{" + b",".join(b'"%d":0' % n for n in range(900)) + b',"0":1}',
    "r_nul_escaped": b'["\\u0000"]', "r_nul_escaped_in_key": b'{"foo\\u0000bar": 42}', "r_nul_after_backslashes": b'["\\\\\\u0000"]',
    "r_surrogate_high": b'["\\uDADA"]', "r_surrogate_low": b'["\\uDC00"]', "r_surrogates_swapped": b'["\\uDd1e\\uD834"]', "r_surrogate_then_a": b'["\\ud800a"]',
    "r_surrogate_then_newline": b'["\\ud800\\n"]', "r_surrogate_twice": b'["\\ud800\\ud800"]', "r_surrogate_in_key": b'{"\\uDFFF":0}',
    "r_surrogate_upper_case": b'["\\uD9FF"]', "r_surrogate_deep_in_arrays": b'[[[["\\udfff"]]]]', "r_surrogate_beside_an_object": b'[{}, "\\udfff"]',
    "r_minus_zero": b"[-0]", "r_minus_zero_decimal": b"[-0.0]", "r_minus_zero_exponent": b"[-0e1]", "r_nan": b"[NaN]", "r_infinity": b"[Infinity]",
    "r_zero_with_an_exponent_that_nobody_holds": b"[0e-99999999999999999999]", "r_zero_with_a_huge_exponent": b"[0.0e+99999999999999999999]",
    "r_huge_exponent": b"[0.4e006699999999999999999999999999999]", "r_overflow": b"[1.5e+9999]", "r_minus_overflow": b"[-1e+9999]",
    "r_double_overflow": b"[1.8e308]", "r_underflow": b"[123e-10000000]", "r_underflow_small": b"[1e-400]", "r_very_long_integer": b"[" + b"1" * 5000 + b"]",
    "r_beyond_double": b"[9007199254740993]", "r_just_beyond": b"[9007199254740992]", "r_minus_just_beyond": b"[-9007199254740992]",
    "r_twenty_digits": b"[-12345678901234567890]", "r_2_to_64": b"[18446744073709551616]", "r_more_digits_than_a_double": b"[0.10000000000000000001]",
    "r_between_two_doubles": b"[0.30000000000000001]", "r_close_to_zero": b"[-0." + b"0" * 77 + b"1]", "r_33_characters": b"[" + b"9" * 33 + b"]",
    "r_deeper_than_admitted": b"[" * 33 + b"]" * 33, "r_500_nested": b"[" * 500 + b"]" * 500, "r_deep_behind_strings": b'["[","]",' + b"[" * 40 + b"]" * 40 + b"]",
    "r_deep_behind_escapes": b'["\\"[[\\\\",' + b"[" * 40 + b"]" * 40 + b"]", "r_long_string": b'["' + b"a" * 65_537 + b'"]',
    "r_long_string_of_escapes": b'["' + b'\\"' * 65_537 + b'"]', "r_long_key": b'{"' + b"k" * 257 + b'":1}',
    "r_long_key_of_escapes": b'{"' + b"\\u0041" * 257 + b'":1}', "r_long_string_with_quotes_in_it": b'["' + (b"a" * 200 + b'\\"') * 400 + b'"]',
    "r_too_many_members": b"{" + b",".join(b'"%d":0' % n for n in range(1001)) + b"}", "r_too_many_values": b"[" + b"0," * 3_000_001 + b"0]",
    "r_too_many_escapes": b'["' + b"\\n" * 2_000_001 + b'"]', "r_too_many_arrays": b"[" + b"[]," * 1_000_001 + b"[]]",
}
