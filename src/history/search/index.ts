export { startIndexer, type Indexer, type IndexerDeps } from './indexer.ts'
export { searchRoutes, type SearchRouteDeps } from './routes.ts'
