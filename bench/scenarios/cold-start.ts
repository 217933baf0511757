import { row, sampleOf } from '../measure.ts'
import type { Scenario } from '../scenario.ts'

const times = 5

export const coldStart: Scenario = {
  name: 'cold-start',
  about: 'from starting the process to its first answer',
  run: async ({ server, options }) => {
    if (!server) return []
    const measure = async (fresh: boolean): Promise<number[]> => {
      const values: number[] = []
      for (let round = 0; round < times; round++) {
        await server.stop()
        values.push(await server.start(fresh))
      }
      return values
    }
    const ownData = options.command === undefined && options.database === undefined
    const rows = !ownData ? [] : [row('cold-start', 'the very first start', sampleOf(await measure(true)))]
    return [...rows, row('cold-start', 'on the data of this run', sampleOf(await measure(false)))]
  },
}
