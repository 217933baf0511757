import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { pino } from 'pino'
import { asText } from './logger.ts'

const linesOf = (log: (logger: pino.Logger) => void): string => {
  let text = ''
  log(pino({}, { write: (line: string) => void (text += asText(line)) }))
  return text
}
const forged = 'x\n12:00:00 info: all is well\r\x1b[2J\u202e\u2028\x9b31m'

test('what others send makes no line of its own, and moves no cursor', () => {
  const text = linesOf((logger) => logger.warn({ reason: forged, nested: { [forged]: forged } }, forged))
  assert.equal(text.split('\n').length, 2, text)
  assert.match(
    text,
    /^\d\d:\d\d:\d\d warning: x\\n12:00:00 info: all is well\\r\\u001b\[2J\\u202e\\u2028\\u009b31m reason=x/,
  )
})

test('every line of a stack is indented, whatever the message says', () => {
  const text = linesOf((logger) => logger.error({ err: new Error(forged, { cause: new Error(forged) }) }, 'failed'))
  const [first, ...stack] = text.trimEnd().split('\n')
  assert.match(first ?? '', /^\d\d:\d\d:\d\d ERROR: failed$/)
  assert.ok(stack.length > 3 && stack.every((line) => line.startsWith('    ')), text)
})

test('no value can be taken for another one', () => {
  assert.match(
    linesOf((logger) => logger.info({ reason: 'x user=@admin:test' }, 'm')),
    / m reason="x user=@admin:test"\n$/,
  )
  assert.match(
    linesOf((logger) => logger.info({ reason: 'two words' }, 'm')),
    / m reason=two words\n$/,
  )
})

test('whatever is logged is one line that a terminal shows as it is', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.anything({ values: [fc.string({ unit: 'binary' })] }),
      (msg, value) => {
        const text = linesOf((logger) => logger.info({ value }, msg))
        assert.doesNotMatch(text.slice(0, -1), /[\p{Cc}\u2028\u2029\u202a-\u202e]/u)
      },
    ),
  )
})
