// Node's own modules in a bundle: every way to import them gives what they export.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { rolldown } from 'rolldown'
import { builtins } from '../../packaging/builtins.ts'

const program = `
import { getCACertificates } from 'node:tls'
import * as children from 'node:child_process'
import { Worker } from 'worker_threads'
import { join } from 'node:path'
import { legacy } from './legacy.cjs'
const { createServer } = await import('node:https')
const made = [getCACertificates, children.spawn, Worker, join, createServer, legacy]
console.log(JSON.stringify([made.map((one) => typeof one), getCACertificates('bundled').length > 0]))
`
const legacy = `exports.legacy = require('tls').connect; require('http2')`

test('named, whole, dynamic and required imports of Node’s modules work in a bundle', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-builtins-'))
  try {
    writeFileSync(join(folder, 'main.js'), program)
    writeFileSync(join(folder, 'legacy.cjs'), legacy)
    const bundle = await rolldown({ input: join(folder, 'main.js'), platform: 'node', plugins: [builtins()] })
    await bundle.write({ dir: join(folder, 'out'), format: 'esm' })
    await bundle.close()
    const { stdout, stderr } = spawnSync(process.execPath, [join(folder, 'out', 'main.js')], { encoding: 'utf8' })
    assert.deepEqual(JSON.parse(stdout || stderr), [Array.from({ length: 6 }, () => 'function'), true])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
