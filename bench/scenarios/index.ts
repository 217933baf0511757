// Every scenario, in the order they run: those that want an empty server first, those that fill it last.
import type { Scenario } from '../scenario.ts'
import { coldStart } from './cold-start.ts'
import { disk } from './disk.ts'
import { growth } from './growth.ts'
import { identity } from './identity.ts'
import { incrementalSync } from './incremental-sync.ts'
import { initialSync } from './initial-sync.ts'
import { joinBigRoom } from './join-big-room.ts'
import { logins } from './logins.ts'
import { media } from './media.ts'
import { memory } from './memory.ts'
import { push } from './push.ts'
import { sendToSync } from './send-to-sync.ts'
import { sends } from './sends.ts'
import { slidingSync } from './sliding-sync.ts'
import { toDevice } from './to-device.ts'

export const scenarios: Scenario[] = [
  coldStart,
  memory,
  logins,
  identity,
  sends,
  sendToSync,
  initialSync,
  incrementalSync,
  slidingSync,
  joinBigRoom,
  toDevice,
  push,
  media,
  disk,
  growth,
]
