import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createPasswords } from './hashing.ts'

const cheap = { memory: 64, passes: 1 }
const passwords = createPasswords({ randomBytes }, cheap)

test('a password fits its own hash and no other one does', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.string({ maxLength: 40 }),
      async (password, other) => {
        const stored = await passwords.hash(password)
        assert.match(stored, /^\$argon2id\$v=19\$m=64,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
        assert.deepEqual(await passwords.verify(password, stored), { ok: true, outdated: false })
        assert.equal((await passwords.verify(other, stored)).ok, other.normalize('NFKC') === password.normalize('NFKC'))
      },
    ),
    { numRuns: 50 },
  )
})

test('a hash by bcrypt that was taken over fits with the pepper of before, and is to be made again', async () => {
  const peppered = createPasswords({ randomBytes }, cheap, () => 'a pepper')
  // python3 -c "import bcrypt; print(bcrypt.hashpw('\u00e5ngstr\u00f6m 1a pepper'.encode(), bcrypt.gensalt(4)))"
  const stored = '$2b$04$r2V8c7xoyO160Hc.MuZoceGNUjxWt6m09oXL2w9sKH2Rna54uG4gu'
  assert.deepEqual(await peppered.verify('a\u030angstro\u0308m 1', stored), { ok: true, outdated: true })
  assert.deepEqual(await peppered.verify('angstrom 1', stored), { ok: false, outdated: false })
  assert.deepEqual(await passwords.verify('\u00e5ngstr\u00f6m 1', stored), { ok: false, outdated: false })
})

test('of a long password bcrypt took the first 72 bytes', async () => {
  const stored = '$2b$04$I1ydunU8hGuuql0TutCQQOnxzM1j0a/MHHpbuNQmOuyXrjg8mV1be'
  assert.equal((await passwords.verify('\u20ac'.repeat(30), stored)).ok, true)
  assert.equal((await passwords.verify('\u20ac'.repeat(23), stored)).ok, false)
})

test('a hash that another program made fits', async () => {
  // echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24
  const stored = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
  assert.deepEqual(await passwords.verify('password', stored), { ok: true, outdated: true })
})

test('a hash of another cost still fits, and is to be made again', async () => {
  const stored = await createPasswords({ randomBytes }, { memory: 128, passes: 2 }).hash('correct horse')
  assert.deepEqual(await passwords.verify('correct horse', stored), { ok: true, outdated: true })
  assert.deepEqual(await passwords.verify('wrong horse', stored), { ok: false, outdated: false })
})

test('the same password on another keyboard is the same password', async () => {
  const stored = await passwords.hash('\u00e5ngstr\u00f6m')
  assert.ok((await passwords.verify('a\u030angstro\u0308m', stored)).ok)
})

test('where there is no password none is right, and finding out takes as long as a wrong one', async () => {
  const real = createPasswords({ randomBytes })
  const stored = await real.hash('correct horse')
  // What the processor does for it, in all threads: others who want the processor at the same time don't count.
  const workFor = async (hash: string | null): Promise<number> => {
    const before = process.cpuUsage()
    assert.equal((await real.verify('wrong horse', hash)).ok, false)
    const { user, system } = process.cpuUsage(before)
    return user + system
  }
  let [none, wrong] = [Infinity, Infinity]
  for (let turn = 0; turn < 10; turn++) {
    none = Math.min(none, await workFor(null))
    wrong = Math.min(wrong, await workFor(stored))
  }
  assert.ok(none > wrong / 2 && none < wrong * 2, `${none} µs and ${wrong} µs`)
})

test('a password must have 8 characters and not more than 512', () => {
  for (const weak of ['', 'short', '1234567', '😀😀😀😀😀😀😀'])
    assert.throws(() => passwords.check(weak), { errcode: 'M_WEAK_PASSWORD' })
  for (const long of ['x'.repeat(513), 'x'.repeat(1_000_000), '😀'.repeat(513)])
    assert.throws(() => passwords.check(long), { errcode: 'M_INVALID_PARAM' })
  passwords.check('12345678')
  passwords.check('😀'.repeat(512))
})

test('a huge password is not even looked at', async () => {
  assert.deepEqual(await passwords.verify('x'.repeat(1_000_000), await passwords.hash('x')), {
    ok: false,
    outdated: false,
  })
})

test('a flood of passwords is turned away instead of queueing without end', async () => {
  const results = await Promise.allSettled(Array.from({ length: 300 }, () => passwords.verify('x', null)))
  const refused = results.filter((result) => result.status === 'rejected')
  assert.equal(refused.length, 300 - 202)
  assert.ok(refused.every((result) => (result.reason as { errcode?: string }).errcode === 'M_LIMIT_EXCEEDED'))
  assert.equal((await passwords.verify('x', null)).ok, false, 'and it works again afterwards')
})

test('a damaged hash is a fault of ours and never a success', async () => {
  for (const stored of [
    '',
    'x',
    '$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    '$2b$12$x',
  ]) {
    await assert.rejects(passwords.verify('x', stored))
  }
})
