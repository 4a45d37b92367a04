// Gradient steps of RLtools' PPO on a rollout of random numbers, as many a second as in the best of its calls:
// one call makes ten epochs of 512 rows. -DROWS=.. is the minibatch, -DWIDTH=.. the width of both hidden layers of
// actor and critic; the argument says for how many seconds to measure.
#include <rl_tools/operations/cpu_mux.h>
#include <rl_tools/nn/optimizers/adam/instance/operations_generic.h>
#include <rl_tools/nn/operations_cpu_mux.h> // products by BLAS
#include <rl_tools/nn_models/mlp_unconditional_stddev/operations_generic.h>
#include <rl_tools/nn_models/sequential/operations_generic.h>
#include <rl_tools/nn/optimizers/adam/operations_generic.h>
#include <rl_tools/rl/components/on_policy_runner/operations_generic.h>
#include <rl_tools/rl/algorithms/ppo/operations_generic.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace rlt = rl_tools;

using DEVICE = rlt::devices::DEVICE_FACTORY<>;
using T = float;
using TYPES = rlt::numeric_types::Policy<T>;
using TI = DEVICE::index_t;

// The sizes of the portfolio, which nothing simulates here.
struct Portfolio {
    struct Observation { static constexpr TI DIM = 27; };
    using ObservationPrivileged = Observation;
    static constexpr TI ACTION_DIM = 12, N_AGENTS = 1;
};

template <TI OUTPUTS>
using Layers = rlt::nn_models::mlp_unconditional_stddev::BindConfiguration<rlt::nn_models::mlp::Configuration<
    TYPES, TI, OUTPUTS, 3, HIDDEN_WIDTH, rlt::nn::activation_functions::ActivationFunction::RELU, rlt::nn::activation_functions::IDENTITY>>;

template <TI OUTPUTS>
using Model = rlt::nn_models::sequential::Build<
    rlt::nn::capability::Gradient<rlt::nn::parameters::Adam>, rlt::nn_models::sequential::Module<Layers<OUTPUTS>>,
    rlt::tensor::Shape<TI, 1, MINIBATCH, Portfolio::Observation::DIM>>;

using ACTOR = Model<Portfolio::ACTION_DIM>;
using CRITIC = Model<1>;
using OPTIMIZER = rlt::nn::optimizers::Adam<rlt::nn::optimizers::adam::Specification<TYPES, TI>>;
struct PARAMETERS : rlt::rl::algorithms::ppo::DefaultParameters<TYPES, TI, MINIBATCH> {
    static constexpr bool SHUFFLE_EPOCH = false, NORMALIZE_ADVANTAGE = false; // no part of a step
};
using PPO_SPEC = rlt::rl::algorithms::ppo::Specification<TYPES, TI, Portfolio, ACTOR, CRITIC, PARAMETERS>;
using RUNNER_SPEC = rlt::rl::components::on_policy_runner::Specification<TYPES, TI, Portfolio, ACTOR::State<>, 8>;
using DATASET = rlt::rl::components::on_policy_runner::Dataset<rlt::rl::components::on_policy_runner::DatasetSpecification<RUNNER_SPEC, 64>>;

int main(int, char** argv) {
    const double seconds = std::atof(argv[1]);
    DEVICE device;
    DEVICE::SPEC::RANDOM::ENGINE<> rng;
    static rlt::rl::algorithms::PPO<PPO_SPEC> ppo;
    static rlt::rl::algorithms::ppo::Buffers<rlt::rl::algorithms::ppo::BufferSpecification<PPO_SPEC>> buffers;
    static DATASET dataset;
    ACTOR::Buffer<> actor_buffers;
    CRITIC::Buffer<> critic_buffers;
    OPTIMIZER actor_optimizer, critic_optimizer;
    rlt::malloc(device, rng);
    rlt::malloc(device, ppo);
    rlt::malloc(device, buffers);
    rlt::malloc(device, dataset);
    rlt::malloc(device, actor_buffers);
    rlt::malloc(device, critic_buffers);
    rlt::malloc(device, actor_optimizer);
    rlt::malloc(device, critic_optimizer);
    rlt::init(device);
    rlt::init(device, rng, 1);
    rlt::init(device, ppo, actor_optimizer, critic_optimizer, rng);
    // Small steps: the policy stays where it is, however many there are.
    rlt::get_ref(device, actor_optimizer.parameters, 0).alpha = 1e-6;
    rlt::get_ref(device, critic_optimizer.parameters, 0).alpha = 1e-6;
    rlt::randn(device, dataset.data, rng);
    rlt::set_all(device, dataset.action_log_probs, -17);

    double best = 0;
    const auto now = [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };
    for (const double start = now(); now() - start < seconds;) {
        const double begun = now();
        rlt::train(device, ppo, dataset, actor_optimizer, critic_optimizer, buffers, actor_buffers, critic_buffers, rng);
        best = std::max(best, PARAMETERS::N_EPOCHS * (512 / MINIBATCH) / (now() - begun));
    }
    std::printf("%g\n", best);
}
