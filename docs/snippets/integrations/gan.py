"""Two optimisers, as of a GAN: here only the generator leaps, and its loss is told by `note`."""

from asc_nn_training import attach


def train(generator, critic, of_generator, of_critic, batches, gate, losses):
    attached = attach(generator, of_generator, gate=gate, loss=lambda model, batch: losses(model, critic, batch)[0])
    for batch in batches:
        loss, _ = losses(generator, critic, batch)
        of_generator.zero_grad()
        loss.backward()
        attached.note(loss)
        of_generator.step()
        _, loss = losses(generator, critic, batch)
        of_critic.zero_grad()
        loss.backward()
        of_critic.step()
    attached.close()
    return attached.report()
