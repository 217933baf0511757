import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { columnsOf } from './complete-initial.ts'
import { migrations } from './index.ts'

/** What each migration said when it landed. A new one is added here; what stands here never changes, or databases out there would differ. */
const landed: Readonly<Record<string, string>> = {
  '0001-initial': '2f8d47c0e81a2241',
  '0002-oauth': '0406885fc469a6d9',
  '0003-admin': '6208fcddbfd6669f',
  '0004-federation-keys': '4f2139e3f13c6474',
  '0005-shared-messages': 'f90b8034a8672be9',
  '0006-erased-accounts': '9e8a2ef8c7858e99',
  '0007-federation-sending': '3c13fae6d512a11a',
  '0008-removal': 'ad4b54aefbf92a23',
  '0009-arrivals': 'c937f3d0449c8703',
  '0010-personal-tokens': '92b80a21aeb76ece',
  '0011-refresh-families': '00c90068394392a1',
  '0012-given-profiles': '1ebd2a71397d7bda',
  '0013-login-tokens-since': '35d58ddb5fab9b5f',
  '0014-state-resets': '08feeca4a36a8b8f',
  '0015-ids-for-good': '5315c568dc994f4e',
  '0016-claims-dated': 'b29e1b574d9ea56e',
  '0017-identity-labels': '29d23d6bdc19da93',
}

test('every migration is held to what it says', () => {
  assert.deepEqual(
    migrations.map(({ name }) => name),
    Object.keys(landed),
  )
})

test('a migration that has landed says what it said then', () => {
  for (const [index, [name, hash]] of Object.entries(landed).entries()) {
    const migration = migrations[index]
    const text = JSON.stringify(migration?.statements)
    assert.equal(migration?.name, name)
    assert.equal(createHash('sha256').update(text).digest('hex').slice(0, 16), hash, `${name} has been changed`)
  }
})

test('the columns of a table are told from its keys', () => {
  const columns = columnsOf(
    "create table a (\n  b bigint not null, c text default ('x,y'), d text check (d in (1, 2)), primary key (b, c)) without rowid",
  )
  assert.deepEqual(
    [...columns],
    [
      ['b', 'b bigint not null'],
      ['c', "c text default ('x,y')"],
      ['d', 'd text check (d in (1, 2))'],
    ],
  )
})
