import { listed } from './shown.ts'
import type { Setting } from './setting.ts'

/** What must stand at a setting, as the end of "must be …". */
export const expectedOf = (setting: Setting): string =>
  setting.off ? `${expectedOfKind(setting)}, or off` : expectedOfKind(setting)

const expectedOfKind = (setting: Setting): string => {
  switch (setting.kind) {
    case 'text':
      return setting.expected ?? 'text'
    case 'path':
      return 'a path'
    case 'boolean':
      return 'true or false'
    case 'number':
      return `a ${setting.whole ? 'whole ' : ''}number from ${setting.min} to ${setting.max}`
    case 'duration':
      return 'a time with its unit, such as 30s, 5m, 1h or 7d'
    case 'size':
      return 'a size such as 512K or 8M'
    case 'choice':
      return listed(setting.values)
    case 'json':
      return 'an object'
    case 'list':
      return isBlock(setting.of) ? 'a list of blocks' : `${expectedOf(setting.of)}, or a list of such`
    case 'group':
      return `a block with ${listed(Object.keys(setting.keys), 'and')}`
    default:
      return 'a block with id and type'
  }
}

/** Whether the setting is made of others, and not one value. */
export const isBlock = (setting: Setting): boolean =>
  setting.kind === 'group' || setting.kind === 'variants' || setting.kind === 'json'
