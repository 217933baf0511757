import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { claimsOf, groupsUnder, subjectOf, subjectValue, textOf } from './entry.ts'

test('a GUID of Active Directory is written as Microsoft does, and found again by its bytes', () => {
  const bytes = Buffer.from('00112233445566778899aabbccddeeff', 'hex')
  const subject = subjectOf({ dn: 'cn=a', objectGUID: bytes }, 'objectGUID')
  assert.equal(subject, '33221100-5544-7766-8899-aabbccddeeff')
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (raw) => {
      const guid = subjectOf({ dn: 'cn=a', objectguid: Buffer.from(raw) }, 'objectGUID')
      assert.deepEqual(subjectValue(guid ?? '', 'objectGUID'), Buffer.from(raw))
    }),
  )
})

test('an entry is known by just one value, or by none', () => {
  assert.equal(subjectOf({ dn: 'cn=a', entryUUID: 'x' }, 'entryuuid'), 'x', 'names of attributes have no letter case')
  for (const entry of [
    {},
    { entryUUID: [] },
    { entryUUID: ['x', 'y'] },
    { entryUUID: '' },
    { entryUUID: Buffer.from([0xff]) },
  ]) {
    assert.equal(subjectOf({ dn: 'cn=a', ...entry }, 'entryUUID'), undefined)
  }
  assert.equal(
    subjectOf({ dn: 'cn=a', objectGUID: 'sixteen letters!' }, 'objectGUID'),
    undefined,
    'that is text, and not bytes',
  )
})

test('claims have the names that the configuration has for attributes, and nothing that is no text', () => {
  const entry = { dn: 'uid=ann', DisplayName: 'Ann', mail: ['a@x', 'b@x'], jpegPhoto: Buffer.from([0xff]), empty: [] }
  assert.deepEqual(claimsOf(entry, ['displayName', 'mail', 'jpegPhoto', 'empty', 'missing', 'dn'], ['staff']), {
    displayName: 'Ann',
    mail: ['a@x', 'b@x'],
    dn: 'uid=ann',
    groups: ['staff'],
  })
  assert.equal(textOf(entry, 'MAIL'), 'a@x')
})

test('only groups below the base count, whatever they are called', () => {
  const memberOf = [
    'cn=staff,ou=groups,dc=org',
    'cn=staff,ou=elsewhere,dc=org',
    'cn=a\\2Cb,ou=sub,ou=Groups,dc=org',
    'nonsense',
  ]
  assert.deepEqual(groupsUnder({ dn: 'x', memberOf }, 'ou=groups,dc=org'), ['staff', 'a,b'])
  assert.deepEqual(groupsUnder({ dn: 'x', memberof: 'cn=one,ou=groups,dc=org' }, 'ou=groups,dc=org'), ['one'])
  assert.deepEqual(groupsUnder({ dn: 'x' }, 'ou=groups,dc=org'), [])
})
