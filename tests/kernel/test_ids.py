from dusangire.kernel.ids import as_uuid, fingerprint, short_code, token, uuid7


def test_ids_are_version_7_and_ordered_by_time():
    made = [uuid7() for _ in range(200)]
    assert all(one.version == 7 for one in made)
    assert [one.int >> 80 for one in made] == sorted(one.int >> 80 for one in made)


def test_short_codes_hold_no_letter_that_is_misread():
    assert not set("".join(short_code(8) for _ in range(500))) & set("01OILUV")


def test_a_token_is_stored_as_its_fingerprint_only():
    secret = token()
    assert len(fingerprint(secret)) == 32
    assert secret.encode() not in fingerprint(secret)


def test_what_is_no_uuid_is_none():
    assert as_uuid("nonsense") is None
    assert as_uuid(str(one := uuid7())) == one
