export { startKafka, startNats, startRabbit, Throwaway, type ThrowawayOptions } from './throwaway.ts'
