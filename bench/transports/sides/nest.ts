/* What both NestJS sides share. Its decorators are plain functions: they are applied by hand, since there is no build step. */
import 'reflect-metadata'
import { Controller, Logger, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { type ClientProxy, Ctx, EventPattern, MessagePattern, type MicroserviceOptions, Payload } from '@nestjs/microservices'
import { lastValueFrom } from 'rxjs'
import { order, validate, validatePlaced } from '../../core/work.ts'

Logger.overrideLogger(false)

interface Answer {
  readonly orderId: string
}

/** A microservice with one handler of events and one of questions. `handled` is called after each event, to acknowledge it. */
export async function serve(
  options: MicroserviceOptions,
  patterns: { readonly take?: string; readonly ask?: string },
  handle: () => void | Promise<void>,
  handled: (context: unknown) => void = () => {},
): Promise<{ close(): Promise<void> }> {
  class Orders {
    async take(data: unknown, context: unknown): Promise<void> {
      validate(data)
      await handle()
      handled(context)
    }
    ask(data: unknown): Answer {
      return validatePlaced({ orderId: validate(data).orderId })
    }
  }
  class App {}
  for (const [method, pattern] of Object.entries(patterns)) {
    const descriptor = Object.getOwnPropertyDescriptor(Orders.prototype, method) as PropertyDescriptor
    const decorate = (method === 'take' ? EventPattern : MessagePattern)(pattern)
    decorate(Orders.prototype, method, descriptor)
    Payload()(Orders.prototype, method, 0)
    Ctx()(Orders.prototype, method, 1)
  }
  Controller()(Orders)
  Module({ controllers: [Orders] })(App)
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(App, options)
  await app.listen()
  return app
}

/** Resolves when the client says that the event was sent. */
export const emit = (client: ClientProxy, pattern: string, value: unknown): Promise<unknown> =>
  lastValueFrom(client.emit(pattern, value), { defaultValue: undefined })

export async function ask(
  client: ClientProxy,
  pattern: string,
  i: number,
  wrap: (value: unknown) => unknown = (value) => value,
): Promise<void> {
  validatePlaced(await lastValueFrom(client.send(pattern, wrap(validate(order(i))))))
}
