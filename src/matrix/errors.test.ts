import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MatrixError } from './errors.ts'

test('a refusal has the status of its code unless told otherwise', () => {
  assert.equal(new MatrixError('M_FORBIDDEN', 'no').status, 403)
  assert.equal(new MatrixError('M_LIMIT_EXCEEDED', 'slow down').status, 429)
  assert.equal(new MatrixError('M_UNRECOGNIZED', 'wrong method', { status: 405 }).status, 405)
})

test('the body has code and message, further keys, and the wait in whole milliseconds', () => {
  const error = new MatrixError('M_LIMIT_EXCEEDED', 'slow down', { retryAfterMs: 12.3, extra: { soft_logout: true } })
  assert.deepEqual(error.body(), {
    errcode: 'M_LIMIT_EXCEEDED',
    error: 'slow down',
    retry_after_ms: 13,
    soft_logout: true,
  })
})

test('further keys cannot replace the code or the message, and the cause stays inside', () => {
  const error = new MatrixError('M_FORBIDDEN', 'no', {
    extra: { errcode: 'M_OTHER', error: 'yes' },
    cause: new Error('secret'),
  })
  assert.deepEqual(error.body(), { errcode: 'M_FORBIDDEN', error: 'no' })
  assert.equal((error.cause as Error).message, 'secret')
})
