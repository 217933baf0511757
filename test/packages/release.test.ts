import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closeChangelog, mustFollow } from '../../packaging/release.ts'

test('a release closes the changelog, and there must be something in it', () => {
  const text = '# Changelog\n\n## Unreleased\n\n- A thing.\n\n## 0.1.0 (2026-01-01)\n\n- The first.\n'
  const closed = closeChangelog(text, '0.2.0', '2026-02-02')
  assert.match(closed, /## Unreleased\n\n## 0\.2\.0 \(2026-02-02\)\n\n- A thing\.\n\n## 0\.1\.0/)
  assert.throws(() => closeChangelog(closed, '0.3.0', '2026-03-03'), /nothing to release/)
})

test('a version must come after the one before', () => {
  for (const version of ['0.1.1', '0.2.0', '1.0.0']) mustFollow(version, '0.1.0')
  for (const version of ['0.1.0', '0.0.9', '0.2', 'v1.0.0']) assert.throws(() => mustFollow(version, '0.1.0'))
})
