// A thread that resolves states, one question after the other.
import { parentPort } from 'node:worker_threads'
import { answer, type Question } from './resolve-run.ts'

parentPort?.on('message', ({ id, question }: { id: number; question: Question }) => {
  try {
    parentPort?.postMessage({ id, answer: answer(question) }, [])
  } catch (error) {
    parentPort?.postMessage({ id, error: error instanceof Error ? error.message : String(error) }, [])
  }
})
