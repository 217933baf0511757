// A thread that compares passwords with hashes that another server made: each takes a good part of a second.
import { compareSync } from 'bcryptjs'
import { parentPort } from 'node:worker_threads'

parentPort?.on('message', ({ id, password, hash }: { id: number; password: string; hash: string }) => {
  try {
    parentPort?.postMessage({ id, ok: compareSync(password, hash) }, [])
  } catch {
    parentPort?.postMessage({ id, ok: false }, [])
  }
})
